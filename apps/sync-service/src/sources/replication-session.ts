import type { Clock } from '@oms-sync/core';
import pg from 'pg';
import type { KnownRecord } from '../delivery.ts';
import type { Submit } from '../source.ts';
import { PgoutputDecoder, PgoutputError, type Relation } from './pgoutput.ts';
import { formatLsn, ReplicationPosition } from './replication-position.ts';
import type { ReplicationRows } from './replication-rows.ts';

export interface ReplicationOptions {
  readonly connectionString: string;
  readonly slot: string;
  readonly publication: string;
  readonly source: string;
  readonly rows: ReplicationRows;
  readonly clock: Clock;
  readonly submit: Submit;
  /** The server streams. */
  readonly onStart: () => void;
  /** A table is described: at its first row, and after a change of it. */
  readonly onRelation: (relation: Relation) => void;
}

/** The server has ended the stream without an error: it stops, or was told to end this connection. */
export class StreamEndedError extends Error {
  override readonly name = 'StreamEndedError';
}

/** What `pg` (8.23) has and its types do not say. */
interface ReplicationClient extends pg.Client {
  readonly connection: pg.Connection & { sendCopyFromChunk(chunk: Buffer): void };
}

/** A part of a transaction. */
interface Part {
  readonly records: readonly KnownRecord[];
  readonly settle: () => void;
}

/** A transaction of any size comes in parts of so many rows. */
const rowsInAPart = 100;
/** So many parts wait for the dispatcher; then nothing is read from the network. */
const maxParts = 50;
/** So many transactions may wait behind one that is not settled: each takes some memory. */
const maxPending = 100_000;
const reportEveryMs = 250;
/** The server ends a connection without reports after wal_sender_timeout, a minute by default. */
const keepAliveMs = 10_000;
const maxSilenceMs = 60_000;
const closeMs = 2000;

/** One connection that streams a replication slot: rows become deliveries, and what is settled is reported. */
export class ReplicationSession {
  readonly #options: ReplicationOptions;
  readonly #client: ReplicationClient;
  readonly #position = new ReplicationPosition();
  readonly #decoder = new PgoutputDecoder();
  readonly #parts: Part[] = [];
  #records: KnownRecord[] = [];
  #eventTime: string | undefined;
  #lsn = 0n;
  #reported = 0n;
  #reportedAt = 0;
  #heardAt: number;
  #isStreaming = false;
  #isSubmitting = false;
  #isPaused = false;
  #isStopped = false;
  readonly #ended = new AbortController();
  #failed: (error: Error) => void = () => undefined;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    const config = {
      connectionString: options.connectionString,
      replication: 'database',
      application_name: 'oms-sync',
      client_encoding: 'UTF8',
      keepAlive: true,
      connectionTimeoutMillis: 15_000,
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see ReplicationClient
    this.#client = new pg.Client(config) as ReplicationClient;
  }

  /** Streams until {@link stop} and {@link close}, or rejects with what has ended it. */
  async run(): Promise<void> {
    const failure = new Promise<never>((_, reject) => (this.#failed = reject));
    failure.catch(() => undefined); // Whoever waits below sees it.
    this.#client.on('error', this.#failed);
    try {
      await Promise.race([this.#stream(), failure]);
    } catch (error) {
      if (!this.#isStopped) throw error;
    } finally {
      this.#ended.abort();
      this.#parts.length = 0; // They come again.
      this.#client.connection.stream.destroy();
    }
  }

  /** Delivers nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#parts.length = 0;
  }

  /** Reports what is settled, and ends the connection. */
  async close(): Promise<void> {
    this.stop();
    if (this.#isStreaming && !this.#ended.signal.aborted) {
      this.#report();
      const { stream } = this.#client.connection;
      stream.end(); // Behind the report.
      stream.resume();
      await this.#options.clock.sleep(closeMs, this.#ended.signal);
    }
    this.#failed(new StreamEndedError('closed'));
  }

  async #stream(): Promise<void> {
    const { slot, publication, onStart } = this.#options;
    await this.#client.connect();
    const { connection } = this.#client;
    connection.once('replicationStart', () => {
      this.#isStreaming = true;
      onStart();
      void this.#keepReporting();
    });
    connection.on('copyData', ({ chunk }: { readonly chunk: Buffer }) => {
      try {
        this.#receive(chunk);
      } catch (error) {
        this.#failed(error instanceof Error ? error : new PgoutputError(String(error)));
        connection.stream.destroy();
      }
    });
    const names = pg.escapeLiteral(pg.escapeIdentifier(publication));
    await this.#client.query(
      `START_REPLICATION SLOT ${pg.escapeIdentifier(slot)} LOGICAL 0/0 (proto_version '1', publication_names ${names})`,
    );
    throw new StreamEndedError('the server has ended the stream');
  }

  /** Source: https://www.postgresql.org/docs/15/protocol-replication.html */
  #receive(chunk: Buffer): void {
    this.#heardAt = this.#options.clock.now();
    if (this.#isStopped) return;
    const kind = chunk.readUInt8(0);
    if (kind === 0x77) return this.#handle(chunk.subarray(25)); // XLogData
    if (kind !== 0x6b) throw new PgoutputError(`a message of unknown kind ${kind}`);
    this.#position.reach(chunk.readBigUInt64BE(1));
    if (chunk.readUInt8(17) === 1) this.#report();
  }

  #handle(data: Buffer): void {
    const message = this.#decoder.decode(data);
    const { rows, onRelation } = this.#options;
    switch (message.kind) {
      case 'begin':
        this.#position.begin();
        this.#eventTime = new Date(message.commitTimeMs).toISOString();
        this.#lsn = data.readBigUInt64BE(1);
        break;
      case 'commit':
        this.#endPart();
        this.#position.commit(message.endLsn);
        break;
      case 'relation':
        onRelation(message.relation);
        break;
      case 'insert':
      case 'update':
        this.#add(rows.toRecord(message, this.#origin()));
        break;
      case 'delete':
        this.#add(rows.ignore('delete', this.#origin()));
        break;
      case 'truncate':
        for (const _ of message.relations) this.#add(rows.ignore('truncate', this.#origin()));
        break;
      case 'other':
    }
  }

  #origin() {
    return { eventTime: this.#eventTime, eventId: formatLsn(this.#lsn) };
  }

  #add(record: KnownRecord): void {
    this.#records.push(record);
    if (this.#records.length >= rowsInAPart) this.#endPart();
  }

  #endPart(): void {
    const records = this.#records;
    if (records.length === 0) return;
    this.#records = [];
    this.#parts.push({ records, settle: this.#position.open() });
    this.#flow();
    if (!this.#isSubmitting) void this.#submitAll();
  }

  async #submitAll(): Promise<void> {
    const { source, submit } = this.#options;
    this.#isSubmitting = true;
    for (;;) {
      const part = this.#parts.shift();
      this.#flow();
      if (part === undefined) break;
      const { records } = part;
      const settle = () => {
        part.settle();
        this.#flow();
      };
      // What is handed back stays before the position of the slot, so it comes again.
      const waitingSince = Date.parse(records[0]?.eventTime ?? '') || undefined;
      await submit({ source, records, waitingSince, settle, handBack: () => undefined });
    }
    this.#isSubmitting = false;
  }

  /** Reads from the network, or not: a transaction may be larger than the memory. */
  #flow(): void {
    const isFull = this.#parts.length >= maxParts || this.#position.pending >= maxPending;
    if (isFull === this.#isPaused || this.#ended.signal.aborted) return;
    this.#isPaused = isFull;
    const { stream } = this.#client.connection;
    if (isFull) stream.pause();
    else stream.resume();
    this.#heardAt = this.#options.clock.now();
  }

  async #keepReporting(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const now = clock.now();
      const isMoved = this.#position.confirmed > this.#reported;
      if (isMoved || now - this.#reportedAt >= keepAliveMs) this.#report();
      if (!this.#isPaused && now - this.#heardAt > maxSilenceMs) {
        this.#failed(new StreamEndedError(`the server was silent for ${maxSilenceMs / 1000} s`));
      }
      await clock.sleep(reportEveryMs, signal);
    }
  }

  /** A standby status update: what is settled counts as written, flushed and applied; it asks for an answer. */
  #report(): void {
    const { confirmed } = this.#position;
    const now = this.#options.clock.now();
    const report = Buffer.alloc(34);
    report.write('r');
    for (const offset of [1, 9, 17]) report.writeBigUInt64BE(confirmed, offset);
    report.writeBigUInt64BE(BigInt(now - Date.UTC(2000, 0, 1)) * 1000n, 25);
    report.writeUInt8(now - this.#heardAt > keepAliveMs ? 1 : 0, 33);
    this.#client.connection.sendCopyFromChunk(report);
    this.#reported = confirmed;
    this.#reportedAt = now;
  }
}
