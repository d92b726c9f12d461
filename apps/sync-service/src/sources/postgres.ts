import {
  matching,
  wholeNumber,
  type Clock,
  type Logger,
  type Setting,
  type SettingProblem,
  type ValuesOf,
} from '@oms-sync/core';
import type { Source, SourceState, Submit } from '../source.ts';
import { getErrorCode, parseDatabaseUrl, type DatabaseUrl } from './database-url.ts';
import type { Relation } from './pgoutput.ts';
import { checkSlot, type SlotHealth } from './postgres-slot.ts';
import { ReplicationRows } from './replication-rows.ts';
import { ReplicationSession } from './replication-session.ts';
import { parseTableMappings, type TableMapping } from './table-mapping.ts';

export const postgresSettings = {
  postgres_url: {
    meaning:
      'address of the PostgreSQL database whose changes are followed, `postgres://user:password@host/database`',
    parse: parseDatabaseUrl('postgres', 'postgresql'),
    secret: true,
  },
  postgres_tables: {
    meaning: 'which tables hold names of objects, and how a row becomes a name',
    parse: parseTableMappings,
  },
  postgres_slot: {
    meaning: 'the replication slot',
    parse: matching(/^[a-z0-9_]{1,63}$/, 'a name of lower-case letters, digits and _'),
    otherwise: 'oms_sync',
  },
  postgres_publication: {
    meaning: 'the publication',
    parse: matching(/^[a-z0-9_]{1,63}$/, 'a name of lower-case letters, digits and _'),
    otherwise: 'oms_sync',
  },
  postgres_max_retained_mb: {
    meaning: 'warns when the slot keeps more of the write-ahead log than that, in megabytes',
    parse: wholeNumber(1, 999_999_999),
    otherwise: 1024,
  },
} as const satisfies Record<string, Setting<unknown>>;

export type PostgresValues = ValuesOf<typeof postgresSettings>;

/** Address and tables belong together. */
export function* findPostgresContradictions(
  values: Partial<PostgresValues>,
): Generator<SettingProblem, void, undefined> {
  const { postgres_url: url, postgres_tables: tables } = values;
  if ((url === undefined) === (tables === undefined)) return;
  yield url === undefined
    ? {
        setting: 'postgres_url',
        expected: 'the address of the database of postgres_tables',
        found: 'nothing',
      }
    : { setting: 'postgres_tables', expected: 'the tables to follow in postgres_url', found: 'nothing' };
}

/** What the source and its setup need. */
export interface PostgresOptions {
  readonly database: DatabaseUrl;
  readonly tables: readonly TableMapping[];
  readonly slot: string;
  readonly publication: string;
  readonly maxRetainedBytes: number;
}

/** Undefined if the settings do not ask for it. */
export function readPostgresOptions(values: PostgresValues): PostgresOptions | undefined {
  const { postgres_url: database, postgres_tables: tables } = values;
  if (database === undefined || tables === undefined) return undefined;
  return {
    database,
    tables,
    slot: values.postgres_slot,
    publication: values.postgres_publication,
    maxRetainedBytes: values.postgres_max_retained_mb * 1024 * 1024,
  };
}

const firstWaitMs = 500;
const maxWaitMs = 30_000;
const checkEveryMs = 30_000;

/**
 * Changes of tables of a PostgreSQL database, by logical replication. Everything that was committed since the slot was made
 * comes, in the order of the commits, until it is settled: the slot keeps the write-ahead log for it.
 */
export class PostgresSource implements Source {
  readonly name = 'postgres';
  readonly #options: PostgresOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #rows: ReplicationRows;
  readonly #stopped = new AbortController();
  #session: ReplicationSession | undefined;
  #running: Promise<unknown> | undefined;
  #status: SourceState['status'] = 'connecting';
  #detail: string | undefined;
  /** Columns that the mapping needs and a table does not have, by table. */
  readonly #lacks = new Map<string, string>();
  #health: SlotHealth = { retainedBytes: undefined, warnings: [] };

  constructor(options: PostgresOptions, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#rows = new ReplicationRows(options.tables);
  }

  get state(): SourceState {
    const { slot, database } = this.#options;
    const count = this.#health.retainedBytes;
    const details = [this.#detail, ...this.#lacks.values(), ...this.#health.warnings].filter(
      (detail) => detail !== undefined,
    );
    return {
      status: this.#status,
      detail: details.length === 0 ? undefined : details.join('; '),
      place: `${database.place}, slot ${slot}`,
      backlog: count === undefined ? undefined : { count, unit: 'bytes' },
    };
  }

  // oxlint-disable-next-line typescript/require-await -- a database that is away may come back: nothing can fail for good
  async start(submit: Submit): Promise<void> {
    this.#running = Promise.all([this.#streamAgainAndAgain(submit), this.#watchSlot()]);
  }

  // oxlint-disable-next-line typescript/require-await -- what is under way is settled later
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#session?.stop();
    this.#status = 'stopped';
  }

  async close(): Promise<void> {
    await this.#session?.close();
    await this.#running;
  }

  async #streamAgainAndAgain(submit: Submit): Promise<void> {
    const { signal } = this.#stopped;
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(2 * waitMs, maxWaitMs)) {
      let isStarted = false;
      const onStart = () => {
        isStarted = true;
        waitMs = firstWaitMs / 2;
        this.#set('running', undefined);
      };
      try {
        this.#session = this.#open(submit, onStart);
        await this.#session.run();
      } catch (error) {
        if (signal.aborted) return;
        this.#set(...this.#explain(error, isStarted));
      }
      await this.#clock.sleep(waitMs, signal);
    }
  }

  #open(submit: Submit, onStart: () => void): ReplicationSession {
    const { database, slot, publication } = this.#options;
    return new ReplicationSession({
      connectionString: database.url.reveal(),
      slot,
      publication,
      source: this.name,
      rows: this.#rows,
      clock: this.#clock,
      submit,
      onStart,
      onRelation: (relation) => this.#noteRelation(relation),
    });
  }

  /** By SQLSTATE: https://www.postgresql.org/docs/15/errcodes-appendix.html */
  #explain(error: unknown, isStarted: boolean): [SourceState['status'], string] {
    const { database, slot, publication } = this.#options;
    const described = database.describe(error);
    const again =
      'what was changed before the new slot is found by comparing the buckets (oms-sync reconcile)';
    switch (getErrorCode(error) ?? '') {
      case '55006': // object_in_use
        return ['waiting', `another process reads the slot ${slot}: waiting to take over`];
      case '42704': // undefined_object
        return isStarted
          ? [
              'failed',
              `the publication ${publication} is gone, or younger than the position of the slot: drop the slot and run setup-postgres; ${again}`,
            ]
          : ['failed', `there is no slot ${slot}: run setup-postgres; if there was one, ${again}`];
      case '55000': // object_not_in_prerequisite_state
        return [
          'failed',
          `the slot ${slot} cannot be read (${described}): if it has lost its write-ahead log, drop it and run setup-postgres; ${again}`,
        ];
      case '42501': // insufficient_privilege
        return ['failed', `${described}: setup-postgres says which rights are missing`];
      case '28P01': // invalid_password
      case '28000': // invalid_authorization_specification
        return ['failed', described];
      default:
        return ['connecting', described];
    }
  }

  #noteRelation(relation: Relation): void {
    const table = `${relation.schema}.${relation.table}`;
    const missing = this.#rows.findLack(relation);
    if (missing.length === 0) {
      this.#lacks.delete(table);
      return;
    }
    const lack = `${table} has no column ${missing.map((column) => `"${column}"`).join(', ')}, which postgres_tables names: its rows go on the failed list`;
    if (this.#lacks.get(table) !== lack) this.#log('error', lack);
    this.#lacks.set(table, lack);
  }

  async #watchSlot(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const before = this.#health.warnings;
        this.#health = await checkSlot(this.#options);
        for (const warning of this.#health.warnings)
          if (!before.includes(warning)) this.#log('warn', warning);
      } catch (error) {
        // The stream says it too, unless only the look at the slot is not allowed.
        this.#health = { retainedBytes: undefined, warnings: [] };
        this.#log('debug', `the slot cannot be looked at: ${this.#options.database.describe(error)}`);
      }
      await this.#clock.sleep(checkEveryMs, signal);
    }
  }

  #set(status: SourceState['status'], detail: string | undefined): void {
    if (this.#stopped.signal.aborted || (status === this.#status && detail === this.#detail)) return;
    this.#status = status;
    this.#detail = detail;
    const level = {
      failed: 'error',
      running: 'info',
      waiting: 'info',
      connecting: 'warn',
      stopped: 'info',
    } as const;
    this.#log(level[status], detail);
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string | undefined): void {
    this.#logger.log(level, 'source', { source: this.name, status: this.#status, message });
  }
}
