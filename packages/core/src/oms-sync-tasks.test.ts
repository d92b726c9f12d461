import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testKeys } from '@oms-sync/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { OmsSyncTasks } from './oms-sync-tasks.ts';
import { OmsError } from './oms-error.ts';
import { Secret } from './secret.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const none = { requested: undefined, succeeded: undefined, failed: undefined, skipped: undefined };
let server: Server | undefined;
let tasks: OmsSyncTasks | undefined;
let asked: string | undefined;

afterEach(() => {
  tasks?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Asks a server that answers everything with this. */
async function connect(body: unknown, headers: Record<string, string> = {}): Promise<OmsSyncTasks> {
  server = createServer((request, response) => {
    asked = request.url;
    response.writeHead(200, headers).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  tasks = new OmsSyncTasks({
    syncUrl: new URL(`http://127.0.0.1:${port}/v2/p/sync-tasks/t/events`),
    syncTaskId: 't',
    credentials: {
      accessKey: new Secret(testKeys.accessKey),
      secretKey: new Secret(testKeys.secretKey),
      securityToken: undefined,
    },
    now: () => now,
  });
  return tasks;
}

async function faultOf(call: Promise<unknown>): Promise<OmsError> {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  if (!(error instanceof OmsError)) throw new TypeError('expected an OmsError', { cause: error });
  return error;
}

describe('showSyncTask', () => {
  it('gives what OMS documents, and ignores what it does not know', async () => {
    const oms = await connect({
      sync_task_id: 't',
      src_cloud_type: 'AWS',
      src_region: 'cn-north-1',
      src_bucket: 'photos',
      dst_region: 'cn-north-4',
      dst_bucket: 'copies',
      create_time: 1,
      last_start_time: 2,
      status: 'SYNCHRONIZING',
      enable_kms: false,
      brand_new: { of: 'OMS' },
      monthly_acceptance_request: 5,
      monthly_success_object: 2,
      monthly_failure_object: 1,
      monthly_skip_object: 0,
      monthly_size: 11,
    });
    expect(await oms.showSyncTask(now + 0.5, 5000)).toEqual({
      id: 't',
      status: 'SYNCHRONIZING',
      source: { cloud: 'AWS', region: 'cn-north-1', bucket: 'photos' },
      destination: { region: 'cn-north-4', bucket: 'copies' },
      createdAt: 1,
      lastStartedAt: 2,
      month: { requested: 5, succeeded: 2, failed: 1, skipped: 0, bytes: 11 },
    });
    expect(asked).toBe(`/v2/p/sync-tasks/t?query_time=${now}`);
  });

  it('does without what OMS leaves out, and with null', async () => {
    const oms = await connect({ status: null });
    expect(await oms.showSyncTask(now, 5000)).toMatchObject({
      id: 't',
      status: undefined,
      source: { cloud: undefined, region: undefined, bucket: undefined },
      month: none,
    });
  });

  it.each([[[]], ['text'], [{ status: 1 }], [{ monthly_size: '1' }]])('refuses %j', async (body) => {
    const oms = await connect(body);
    expect(await faultOf(oms.showSyncTask(now, 5000))).toMatchObject({ code: 'UnexpectedAnswer' });
  });
});

describe('listSyncTaskStatistics', () => {
  it('gives the counts of each kind in the order of time', async () => {
    const oms = await connect({
      statistic_time_type: 'ONE_HOUR',
      statistic_datas: [
        {
          data_type: 'REQUEST',
          data: [
            { time_stamp: 2, statistic_num: 20 },
            { time_stamp: 1, statistic_num: 10 },
            { time_stamp: 3 },
          ],
        },
        { data_type: 'SIZE', data: null },
        { data_type: 'NEWS', data: [{ time_stamp: 1, statistic_num: 1 }] },
      ],
    });
    expect(await oms.listSyncTaskStatistics({ from: 1.5, to: 9 }, 5000)).toEqual({
      intervalMs: 3_600_000,
      points: {
        REQUEST: [
          { time: 1, count: 10 },
          { time: 2, count: 20 },
          { time: 3, count: 0 },
        ],
        SUCCESS: [],
        FAILURE: [],
        SKIP: [],
        SIZE: [],
      },
    });
    expect(new URL(asked ?? '', 'http://oms').searchParams.toString()).toBe(
      'data_type=REQUEST%2CSUCCESS%2CFAILURE%2CSKIP%2CSIZE&start_time=1&end_time=9',
    );
  });

  it.each([
    { statistic_datas: {} },
    { statistic_datas: [1] },
    { statistic_datas: [{ data_type: 'SIZE', data: [{ statistic_num: 1 }] }] },
    { statistic_datas: [{ data_type: 'SIZE', data: [{ time_stamp: 1, statistic_num: 'many' }] }] },
  ])('refuses %j', async (body) => {
    const oms = await connect(body);
    expect(await faultOf(oms.listSyncTaskStatistics({ from: 1, to: 2 }, 5000))).toMatchObject({
      code: 'UnexpectedAnswer',
    });
  });

  it('takes long answers', async () => {
    const data = Array.from({ length: 9000 }, (_, time) => ({ time_stamp: 1e12 + time, statistic_num: 1e9 }));
    const oms = await connect({ statistic_datas: [{ data_type: 'SIZE', data }] });
    const { points } = await oms.listSyncTaskStatistics({ from: 1, to: 2 }, 5000);
    expect(points.SIZE).toHaveLength(9000);
  });
});

describe('the clock of OMS', () => {
  it('is known from an answer', async () => {
    const oms = await connect({}, { date: new Date(now - 1_200_000).toUTCString() });
    expect(oms.clockDifferenceMs).toBeUndefined();
    await oms.showSyncTask(now, 5000);
    expect(oms.clockDifferenceMs).toBe(-1_200_000);
  });

  it('is unknown if the answer does not say it', async () => {
    const oms = await connect({}, { date: 'today' });
    await oms.showSyncTask(now, 5000);
    expect(oms.clockDifferenceMs).toBeUndefined();
  });
});
