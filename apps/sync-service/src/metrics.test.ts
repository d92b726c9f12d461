import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.ts';
import type { Source } from './source.ts';

/** Lines of the metrics that hold a text, without the comments. */
async function find(metrics: Metrics, text: string): Promise<string[]> {
  const lines = (await metrics.registry.metrics()).split('\n');
  return lines.filter((line) => line.includes(text) && !line.startsWith('#'));
}

describe('the metrics', () => {
  it('show the conservation law for each source', async () => {
    const metrics = new Metrics({ isDefault: false });
    metrics.received('smn', 5);
    metrics.delayed('smn', 5);
    const report = { received: 5, requested: 2, unrequested: 1, filtered: 1, merged: 1, returned: 0 };
    metrics.settled('smn', report);
    expect(await find(metrics, 'oms_sync_records')).toEqual([
      'oms_sync_records_received_total{source="smn"} 5',
      'oms_sync_records_settled_total{source="smn",outcome="requested"} 2',
      'oms_sync_records_settled_total{source="smn",outcome="unrequested"} 1',
      'oms_sync_records_settled_total{source="smn",outcome="filtered"} 1',
      'oms_sync_records_settled_total{source="smn",outcome="merged"} 1',
      'oms_sync_records_delayed_total{source="smn"} 5',
    ]);
  });

  it('measure requests of OMS, whatever becomes of them', async () => {
    const metrics = new Metrics({ isDefault: false });
    await metrics.measure({ createSyncEvents: () => Promise.resolve() }).createSyncEvents(['a'], 1);
    const failing = metrics.measure({ createSyncEvents: () => Promise.reject(new Error('no')) });
    await expect(failing.createSyncEvents(['a'], 1)).rejects.toThrow('no');
    expect(await find(metrics, 'request_seconds_count')).toEqual([
      'oms_sync_oms_request_seconds_count{result="accepted"} 1',
      'oms_sync_oms_request_seconds_count{result="failed"} 1',
    ]);
  });

  it('read what waits when somebody asks', async () => {
    const metrics = new Metrics({ isDefault: false });
    const source: Source = {
      name: 'postgres',
      state: { status: 'running', place: 'slot oms', backlog: { count: 4096, unit: 'bytes' } },
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const since = Date.now() - 5000;
    const dispatcher = {
      held: 7,
      oldestHeldSince: since,
      oldestWaitingSince: since,
      isPaused: false,
      isResting: true,
    };
    metrics.observe({
      dispatcher,
      sources: [source],
      backlog: () => ({ count: 3, oldestSince: Date.now() - 60_000 }),
    });
    expect(await find(metrics, 'oms_sync_records_held')).toEqual(['oms_sync_records_held 7']);
    expect(await find(metrics, 'oms_sync_backlog')).toEqual(['oms_sync_backlog 3']);
    expect(await find(metrics, 'source_backlog')).toEqual([
      'oms_sync_source_backlog{source="postgres",unit="bytes"} 4096',
    ]);
    expect(await find(metrics, 'oms_sync_resting')).toEqual(['oms_sync_resting 1']);
    const [age = ''] = await find(metrics, 'oldest_unsettled');
    expect(Number(age.split(' ')[1])).toBeGreaterThanOrEqual(60);
  });
});
