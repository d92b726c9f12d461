import { readFields, readList, readNumber, readText, unexpectedAnswer } from './oms-answer.ts';
import { OmsConnection } from './oms-connection.ts';
import type { Credentials } from './settings.ts';

/** What OMS has done for a task in one calendar month. Objects, counted for every request; undefined if OMS left it out. */
export interface SyncTaskMonth {
  readonly requested: number | undefined;
  readonly succeeded: number | undefined;
  readonly failed: number | undefined;
  /** Left as they were: the destination has them already. */
  readonly skipped: number | undefined;
  readonly bytes: number | undefined;
}

/** A synchronization task, as far as anybody here asks. Undefined is what OMS left out. */
export interface SyncTask {
  readonly id: string;
  /** `SYNCHRONIZING` or `STOPPED`; OMS may have more one day. */
  readonly status: string | undefined;
  readonly source: SyncTaskEnd & {
    /** `AWS`, `Azure`, `Aliyun`, `Tencent`, `HuaweiCloud`, … */
    readonly cloud: string | undefined;
  };
  /** In OBS. */
  readonly destination: SyncTaskEnd;
  /** Milliseconds since 1970. */
  readonly createdAt: number | undefined;
  readonly lastStartedAt: number | undefined;
  readonly month: SyncTaskMonth;
}

/** A bucket of a task. */
export interface SyncTaskEnd {
  readonly region: string | undefined;
  readonly bucket: string | undefined;
}

/** What OMS counts: objects asked for, copied, failed, left as they were, and bytes copied. */
export const syncStatisticKinds = ['REQUEST', 'SUCCESS', 'FAILURE', 'SKIP', 'SIZE'] as const;
export type SyncStatisticKind = (typeof syncStatisticKinds)[number];

/** One count of OMS: what happened from `time` (milliseconds since 1970) until one interval later. */
export interface SyncStatisticPoint {
  readonly time: number;
  readonly count: number;
}

/** How the counts of a task went over time. */
export interface SyncTaskStatistics {
  /** How much time each point stands for. */
  readonly intervalMs: number;
  /** In the order of time. A time without a point is one in which nothing was counted. */
  readonly points: Readonly<Record<SyncStatisticKind, readonly SyncStatisticPoint[]>>;
}

/** Statistics of a month in steps of five minutes are 3 MB. */
const maxAnswerBytes = 16 * 1024 * 1024;
const fiveMinutesMs = 5 * 60_000;
const oneHourMs = 60 * 60_000;

/**
 * What OMS says about one synchronization task.
 * Source of the calls and their fields: OMS API Reference, ShowSyncTask and ListSyncTaskStatistic.
 */
export class OmsSyncTasks {
  readonly #taskUrl: URL;
  readonly #taskId: string;
  readonly #connection: OmsConnection;

  constructor(options: {
    readonly syncUrl: URL;
    readonly syncTaskId: string;
    readonly credentials: Credentials;
    readonly now?: () => number;
  }) {
    this.#taskUrl = new URL(options.syncUrl);
    this.#taskUrl.pathname = this.#taskUrl.pathname.replace(/\/events$/, '');
    this.#taskId = options.syncTaskId;
    this.#connection = new OmsConnection({ ...options, protocol: options.syncUrl.protocol, maxAnswerBytes });
  }

  /** How far the clock of OMS is ahead of ours, in milliseconds, by its last answer; see {@link OmsConnection}. */
  get clockDifferenceMs(): number | undefined {
    return this.#connection.clockDifferenceMs;
  }

  /**
   * Asks for the task. Needs the permission `oms:synctask:get`.
   *
   * @param month a time in the month whose counts are wanted, in milliseconds since 1970.
   * @throws {OmsError} and nothing else.
   */
  async showSyncTask(month: number, timeoutMs: number): Promise<SyncTask> {
    const url = new URL(this.#taskUrl);
    url.searchParams.set('query_time', String(Math.floor(month)));
    return readTask(await this.#get(url, timeoutMs), this.#taskId);
  }

  /**
   * Asks for the counts of a time. Needs the permission `oms:synctask:statistics`.
   *
   * @param from in milliseconds since 1970, as `to`.
   * @throws {OmsError} and nothing else.
   */
  async listSyncTaskStatistics(
    { from, to }: { readonly from: number; readonly to: number },
    timeoutMs: number,
  ): Promise<SyncTaskStatistics> {
    const url = new URL(this.#taskUrl);
    url.pathname += '/statistics';
    url.searchParams.set('data_type', syncStatisticKinds.join(','));
    url.searchParams.set('start_time', String(Math.floor(from)));
    url.searchParams.set('end_time', String(Math.floor(to)));
    return readStatistics(await this.#get(url, timeoutMs));
  }

  /** Closes the connections; what is under way fails. */
  close(): void {
    this.#connection.close();
  }

  #get(url: URL, timeoutMs: number): Promise<unknown> {
    return this.#connection.call({ method: 'GET', url, body: '', timeoutMs });
  }
}

function readTask(value: unknown, taskId: string): SyncTask {
  const fields = readFields(value, 'a synchronization task');
  return {
    id: readText(fields, 'sync_task_id') ?? taskId,
    status: readText(fields, 'status'),
    source: {
      cloud: readText(fields, 'src_cloud_type'),
      region: readText(fields, 'src_region'),
      bucket: readText(fields, 'src_bucket'),
    },
    destination: { region: readText(fields, 'dst_region'), bucket: readText(fields, 'dst_bucket') },
    createdAt: readNumber(fields, 'create_time'),
    lastStartedAt: readNumber(fields, 'last_start_time'),
    month: {
      requested: readNumber(fields, 'monthly_acceptance_request'),
      succeeded: readNumber(fields, 'monthly_success_object'),
      failed: readNumber(fields, 'monthly_failure_object'),
      skipped: readNumber(fields, 'monthly_skip_object'),
      bytes: readNumber(fields, 'monthly_size'),
    },
  };
}

function readStatistics(value: unknown): SyncTaskStatistics {
  const fields = readFields(value, 'statistics');
  const kinds = new Map(
    readList(fields, 'statistic_datas').map((member) => {
      const data = readFields(member, 'statistics of a kind');
      return [readText(data, 'data_type'), readList(data, 'data').map(readPoint)];
    }),
  );
  const pointsOf = (kind: SyncStatisticKind) => (kinds.get(kind) ?? []).sort((a, b) => a.time - b.time);
  return {
    intervalMs: readText(fields, 'statistic_time_type') === 'ONE_HOUR' ? oneHourMs : fiveMinutesMs,
    points: {
      REQUEST: pointsOf('REQUEST'),
      SUCCESS: pointsOf('SUCCESS'),
      FAILURE: pointsOf('FAILURE'),
      SKIP: pointsOf('SKIP'),
      SIZE: pointsOf('SIZE'),
    },
  };
}

function readPoint(value: unknown): SyncStatisticPoint {
  const fields = readFields(value, 'a count');
  const time = readNumber(fields, 'time_stamp');
  if (time === undefined) throw unexpectedAnswer('a count without time_stamp');
  return { time, count: readNumber(fields, 'statistic_num') ?? 0 };
}
