import { Scene } from '@oms-sync/conformance';
import { gcf, type GcfHost, type GcfResult } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { finalize, idOf, pushOf, namesSince, readEntries, type GcfScene } from './bundle.test-help.ts';

// An instance serves many requests at once. Each must get its own outcome, and no name of another.
const requests = 200;

let scene: GcfScene;

beforeAll(async () => {
  scene = await Scene.open(gcf);
});

afterEach(() => scene.reset());

afterAll(() => scene.close());

const ways: [string, (host: GcfHost, name: string) => Promise<GcfResult>][] = [
  ['omsSync', (host, name) => host.invoke(finalize(name))],
  ['omsSync, older signature', (host, name) => host.invoke(finalize(name), 'binary', 'event')],
  ['omsSyncPush', (host, name) => host.push(pushOf(name))],
];

describe.each(ways)('200 requests at once to one instance of %s', (_, send) => {
  it('have each their own outcome', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: requests }, (_unused, index) => `photos/${index} ü+.jpg`);
    // Of five, one is refused by OMS, one meets a fault that passes, and one is filtered.
    const kindOf = (index: number) => ['refused', 'passing', 'filtered', 'good', 'good'][index % 5];
    const only = (kind: string) => names.filter((_name, index) => kindOf(index) === kind);
    scene.oms.faults.set([
      { kind: 'answer', status: 400, errorCode: 'OMS.0064', names: only('refused') },
      { kind: 'answer', status: 503, names: only('passing') },
      // Nobody is answered before all have come.
      { kind: 'slow', delayMs: 1000 },
    ]);
    const host = scene.start({
      max_attempts: '1',
      on_failure: 'redeliver',
      // As many as there are requests: one that waits for a connection longer than request_timeout_ms fails.
      max_in_flight: String(requests),
      exclude_suffix: only('filtered')
        .map((name) => name.slice(name.indexOf('/')))
        .join(','),
    }).host;
    await send(host, 'a warm start.jpg');
    const before = scene.oms.received.length;
    const startedAt = Date.now();
    const results = await Promise.all(names.map((name) => send(host, name)));
    const ms = Date.now() - startedAt;

    expect(results.map(({ status }) => status)).toEqual(
      names.map((_name, index) => (kindOf(index) === 'passing' ? 500 : 204)),
    );
    expect(namesSince(scene, before).sort()).toEqual(only('good').sort());
    expect(await scene.names('success_object')).toEqual(['a warm start.jpg', ...only('good')].sort());
    expect(await scene.names('failed_object')).toEqual(only('refused').sort());
    for (const list of ['success_object', 'failed_object'] as const) {
      for (const { name, event_id: eventId } of await readEntries(scene, list)) {
        expect(eventId).toBe(idOf(String(name)));
      }
    }

    const lines = new Map(scene.logged('sync').map((line) => [line['request_id'], line]));
    for (const [index, name] of names.entries()) {
      const outcome = {
        good: { requested: 1 },
        refused: { unrequested: 1 },
        passing: { returned: 1 },
        filtered: { filtered: 1 },
      }[kindOf(index) ?? 'good'];
      const line = lines.get(idOf(name));
      expect(line, name).toMatchObject({
        received: 1,
        requested: 0,
        unrequested: 0,
        filtered: 0,
        merged: 0,
        returned: 0,
        ...outcome,
      });
    }
    expect(scene.logged('sync')).toHaveLength(requests + 1);
    // In turn it would be 80 s.
    expect(ms).toBeLessThan(20_000);
  });
});
