import { Scene } from '@oms-sync/conformance';
import { startFaultProxy } from '@oms-sync/fault-proxy';
import { awsLambda, functiongraph, type Platform } from '@oms-sync/function-hosts';
import { describe, expect, it, vi } from 'vitest';
import { table, type Expectation } from './fault-table.test-help.ts';

// A few cells of the fault matrix again, through the built bundles, in the runtimes of their platforms.

vi.setConfig({ maxConcurrency: 4 });

const selected: readonly (readonly [layer: keyof typeof table, fault: string])[] = [
  ['OMS', 'reset after-body x 1'],
  ['OMS', '429, Retry-After: 1, x 1'],
  ['OMS', '200 with a page of HTML'],
  ['OMS', 'all of these'],
  ['OMS', 'black hole'],
  ['log bucket', 'reset after-body x 1'],
  ['log bucket', '403 AccessDenied'],
  ['log bucket', 'black hole'],
];

const names = Array.from({ length: 25 }, (_, index) => `photos/${index} ü+%.jpg`);
const refused = names[13] ?? '';
const warmUp = 'warm-up';

describe.each<Platform>([functiongraph, awsLambda])('the bundle for $name', (platform) => {
  for (const [layer, fault] of selected) {
    it.concurrent(`${layer}: ${fault}`, async () => {
      const { under, fates } = find(layer, fault);
      const { oms = [], omsNetwork = [], obs = [], obsNetwork = [], requestTimeoutMs } = under();
      const scene = await Scene.open(platform, process.execPath);
      const omsProxy = await startFaultProxy({ target: scene.oms.url });
      const endpoint = scene.lists.settings['obs_endpoint'] ?? '';
      const obsProxy = await startFaultProxy({ target: endpoint });
      try {
        const settings = {
          sync_url: omsProxy.through(scene.settings.sync_url).href,
          obs_endpoint: obsProxy.through(endpoint).href,
          ...(requestTimeoutMs !== undefined && { request_timeout_ms: String(requestTimeoutMs) }),
          max_attempts: '3',
        };
        // Where somebody is silent the time is used up; else there is more than a busy machine needs.
        const timeoutSeconds = requestTimeoutMs === undefined ? 30 : 8;
        const running = scene.start(settings, { timeoutSeconds });
        // A process that is slow to start, on a busy machine, must not use up the time.
        await running.deliver(scene.channel, [{ name: warmUp, kind: 'created' }]);
        scene.oms.faults.set([
          { kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [refused] },
          ...oms,
        ]);
        scene.lists.faults.set(obs);
        omsProxy.set(omsNetwork);
        obsProxy.set(obsNetwork);
        const { returned } = await running.deliver(
          scene.channel,
          names.map((name) => ({ name, kind: 'created' })),
        );
        const requested = (await scene.names('success_object')).filter((name) => name !== warmUp);
        const failed = await scene.read('failed_object');
        const received = new Set(scene.oms.received.flatMap((events) => events.names));
        // What the function logged last says so too: it has not been cut off.
        expect(scene.logged('sync')).toHaveLength(2);
        expect(scene.sum('received')).toBe(
          ['requested', 'unrequested', 'filtered', 'merged', 'returned'].reduce(
            (sum, part) => sum + scene.sum(part),
            0,
          ),
        );
        if (fates.includes('returned')) {
          expect(returned).toEqual(names);
          return;
        }
        expect(returned).toEqual([]);
        if (fates.includes('requested')) {
          expect(requested).toEqual(names.filter((name) => name !== refused).sort());
          expect(requested.filter((name) => !received.has(name))).toEqual([]);
          expect(failed.map(({ key }) => key)).toEqual([`oms_source_record/failed_object/${refused}`]);
          expect(failed[0]?.body).toContain('"reason_class":"refused"');
        } else {
          expect(requested).toEqual([]);
          expect(failed).toHaveLength(names.length);
          for (const { body } of failed)
            expect(body).toMatch(new RegExp(`"reason_class":"(${fates.join('|')}|refused)"`));
        }
      } finally {
        await Promise.all([omsProxy.close(), obsProxy.close()]);
        try {
          await scene.reset();
        } finally {
          await scene.close();
        }
      }
    });
  }
});

function find(layer: keyof typeof table, fault: string): Expectation {
  const found = table[layer].find((expectation) => expectation.fault === fault);
  if (found === undefined) throw new TypeError(`no such row: ${layer}: ${fault}`);
  return found;
}
