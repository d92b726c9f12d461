import { randomUUID } from 'node:crypto';
import { matching, type Clock, type Logger, type Setting, type ValuesOf } from '@oms-sync/core';
import type { KnownRecord } from '../delivery.ts';
import type { Source, SourceState, Submit } from '../source.ts';
import { getSqlState, parseDatabaseUrl } from './database-url.ts';
import { openMysqlOutbox } from './outbox-mysql.ts';
import { openPostgresOutbox } from './outbox-postgres.ts';
import {
  leaseSeconds,
  type ChangeRows,
  type ClaimedRow,
  type OutboxOptions,
  type OutboxRow,
  type OutboxSession,
} from './outbox-table.ts';

export const outboxSettings = {
  outbox_url: {
    meaning:
      'address of the database with the outbox table, `postgres://user:password@host/database` or `mysql://…`',
    parse: parseDatabaseUrl('postgres', 'postgresql', 'mysql', 'mariadb'),
    secret: true,
  },
  outbox_table: {
    meaning: 'the outbox table',
    parse: matching(
      /^\w{1,63}(\.\w{1,63})?$/,
      'the name of a table in letters, digits and _, with its schema and a dot in front if need be',
    ),
    otherwise: 'oms_sync_outbox',
  },
} as const satisfies Record<string, Setting<unknown>>;

export type OutboxValues = ValuesOf<typeof outboxSettings>;

/** Undefined if the settings do not ask for it. */
export function readOutboxOptions({
  outbox_url: database,
  outbox_table: table,
}: OutboxValues): OutboxOptions | undefined {
  return database && { database, table };
}

/** Connects to an outbox in the kind of database that its address names. */
export function openOutbox(options: OutboxOptions): Promise<OutboxSession> {
  const isPostgres = options.database.protocol.startsWith('postgres');
  return isPostgres ? openPostgresOutbox(options) : openMysqlOutbox(options);
}

/** The database is there, and not as it must be. */
class UnfitOutboxError extends Error {
  override readonly name = 'UnfitOutboxError';
}

const rowsInAClaim = 500;
/** No statement names more rows. */
const rowsInAChange = 1000;
/** What is settled within that time is removed together. */
const tickMs = 100;
/** An outbox without free rows is asked less and less often. */
const firstPollMs = 100;
const maxPollMs = 2000;
const renewEveryMs = (leaseSeconds * 1000) / 3;
const countEveryMs = 10_000;
const firstWaitMs = 500;
const maxWaitMs = 30_000;

/**
 * An outbox table: the application writes the name of each object into it in its own transaction, and a row is removed when
 * it is settled.
 *
 * A row that is taken has a lease, which is renewed until it is settled: the rows of a replica that is gone come back by
 * themselves. Not a transaction that is held: a fault is tried again for minutes, and so long an open transaction would keep
 * the database from cleaning up. One connection does everything in turn, so that a lost one is one thing to begin again.
 */
export class OutboxSource implements Source {
  readonly name = 'outbox';
  readonly #options: OutboxOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  readonly #closed = new AbortController();
  /** Taken, and neither settled nor handed back. */
  readonly #held = new Set<ClaimedRow>();
  /** To be removed, and to be released. */
  readonly #settled: ClaimedRow[] = [];
  readonly #handedBack: ClaimedRow[] = [];
  /** While rows that are taken wait for room. */
  #feeding: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #waitMs = firstWaitMs;
  #running: Promise<void> | undefined;
  #status: SourceState['status'] = 'connecting';
  #detail: string | undefined;
  #count: number | undefined;

  constructor(options: OutboxOptions, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  get state(): SourceState {
    const { database, table } = this.#options;
    const count = this.#count;
    return {
      status: this.#status,
      detail: this.#detail,
      place: `${database.place}, table ${table}`,
      backlog: count === undefined ? undefined : { count, unit: 'rows' },
    };
  }

  // oxlint-disable-next-line typescript/require-await -- a database that is away may come back: nothing can fail for good
  async start(submit: Submit): Promise<void> {
    this.#running = this.#serveAgainAndAgain(submit);
  }

  // oxlint-disable-next-line typescript/require-await -- what is under way is settled later
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#status = 'stopped';
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#wake();
    await this.#running;
    const left = this.#settled.length;
    if (left > 0) this.#log('warn', `${left} rows that are settled are still in the table: they come again`);
  }

  async #serveAgainAndAgain(submit: Submit): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      let session: OutboxSession | undefined;
      try {
        session = await openOutbox(this.#options);
        await this.#check(session);
        await this.#serve(session, submit);
      } catch (error) {
        this.#count = undefined;
        this.#set(...this.#explain(error));
      } finally {
        session?.close();
      }
      await this.#clock.sleep(this.#waitMs, signal);
      this.#waitMs = Math.min(2 * this.#waitMs, maxWaitMs);
    }
  }

  async #check(session: OutboxSession): Promise<void> {
    const { steps, problems } = await session.plan();
    if (problems.length > 0) throw new UnfitOutboxError(`missing: ${problems.join('; ')}`);
    if (steps.length > 0) {
      throw new UnfitOutboxError(`there is no table ${this.#options.table}: run setup-outbox`);
    }
  }

  /** Until {@link close}, or a fault. */
  async #serve(session: OutboxSession, submit: Submit): Promise<void> {
    let [renewAt, countAt, claimAt, pollMs] = [0, 0, 0, firstPollMs];
    for (;;) {
      const isLast = this.#closed.signal.aborted;
      if (isLast) await this.#feeding;
      await changeAll(this.#settled, session.remove);
      await changeAll(this.#handedBack, session.release);
      if (isLast) return;
      const now = this.#clock.now();
      // Before anything is taken: after a time without a connection it may be our own.
      if (now >= renewAt) {
        await changeAll([...this.#held], session.renew);
        renewAt = now + renewEveryMs;
      }
      if (now >= countAt) {
        this.#count = await session.count();
        countAt = now + countEveryMs;
      }
      if (now >= claimAt && this.#feeding === undefined && !this.#stopped.signal.aborted) {
        const rows = await session.claim(randomUUID(), rowsInAClaim);
        if (this.#stopped.signal.aborted) this.#handedBack.push(...rows);
        else this.#feed(rows, submit);
        pollMs = rows.length > 0 ? firstPollMs : Math.min(2 * pollMs, maxPollMs);
        claimAt = rows.length === rowsInAClaim ? 0 : now + pollMs;
      }
      // Only now: a right that is missing shows when it is needed.
      this.#set('running', undefined);
      this.#waitMs = firstWaitMs;
      await this.#pause(this.#held.size > 0 || this.#settled.length > 0 ? tickMs : pollMs);
    }
  }

  /** Ends early when there is room for more rows, and at the end. */
  async #pause(ms: number): Promise<void> {
    const pause = new AbortController();
    this.#wake = () => pause.abort();
    if (!this.#closed.signal.aborted) await this.#clock.sleep(ms, pause.signal);
  }

  #feed(rows: readonly OutboxRow[], submit: Submit): void {
    for (const row of rows) this.#held.add(row);
    const feed = async () => {
      for (const row of rows) await submit(this.#toDelivery(row));
    };
    this.#feeding = feed().finally(() => {
      this.#feeding = undefined;
      if (rows.length === rowsInAClaim) this.#wake();
    });
  }

  #toDelivery(row: OutboxRow) {
    const letGo = (list: ClaimedRow[]) => {
      this.#held.delete(row);
      list.push(row);
    };
    const waitingSince = Date.parse(row.createdAt ?? '');
    return {
      source: this.name,
      records: [toRecord(row, this.#options.table)],
      waitingSince: Number.isNaN(waitingSince) ? undefined : waitingSince,
      settle: () => letGo(this.#settled),
      handBack: () => letGo(this.#handedBack),
    };
  }

  /** By SQLSTATE, whose classes are those of the standard: what somebody has to mend, and what may pass. */
  #explain(error: unknown): [SourceState['status'], string] {
    const described = this.#options.database.describe(error);
    const isLasting = error instanceof UnfitOutboxError || /^(28|3D|42)/.test(getSqlState(error) ?? '');
    return [isLasting ? 'failed' : 'connecting', described];
  }

  #set(status: SourceState['status'], detail: string | undefined): void {
    if (this.#stopped.signal.aborted || (status === this.#status && detail === this.#detail)) return;
    this.#status = status;
    this.#detail = detail;
    this.#log(status === 'failed' ? 'error' : status === 'running' ? 'info' : 'warn', detail);
  }

  #log(level: 'info' | 'warn' | 'error', message: string | undefined): void {
    this.#logger.log(level, 'source', { source: this.name, status: this.#status, message });
  }
}

/** Takes rows out of the list when they are changed: after a fault the others are still there. */
async function changeAll(rows: ClaimedRow[], change: ChangeRows): Promise<void> {
  while (rows.length > 0) {
    const part = rows.slice(0, rowsInAChange);
    await change(part);
    rows.splice(0, part.length);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One that gives no name becomes a bad record, and goes on the failed list with its bytes. */
function toRecord({ id, name, createdAt }: OutboxRow, table: string): KnownRecord {
  const time = Date.parse(createdAt ?? '');
  const origin = {
    store: undefined,
    bucket: undefined,
    eventTime: Number.isNaN(time) ? undefined : new Date(time).toISOString(),
    eventId: id,
  };
  const invalid = (found: string, reason: string) =>
    ({ kind: 'invalid', text: `${table} (id=${id}, name=${found})`, reason, ...origin }) as const;
  if (name === null) return invalid('NULL', 'the name is NULL');
  if (name.length === 0) return invalid("''", 'the name is empty');
  try {
    return {
      kind: 'created',
      name: utf8.decode(name),
      ...origin,
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return invalid(`0x${name.toString('hex')}`, 'the name is no UTF-8');
  }
}
