import { anyName, uglyNames } from '@oms-sync/testing';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Change, Channel } from '@oms-sync/function-hosts';
import type { Scene } from './scene.ts';

/** Something that every function app must do. */
export interface Behaviour {
  /** As the table and `Platform.cannot` call it. */
  readonly name: string;
  readonly meaning: string;
  readonly check: (scene: Scene) => Promise<void>;
}

/** Nobody listens there. */
const nobody = 'http://127.0.0.1:9';

function created(...names: readonly string[]): Change[] {
  return names.map((name) => ({ name, kind: 'created' }));
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `photos/${index} ü+.jpg`);
}

/** Sends by each of the channels the ugly names, and so many that are random, other ones each. */
export async function checkNames(scene: Scene, channels: readonly Channel[], count: number): Promise<void> {
  const shared = scene.start();
  for (const [index, channel] of channels.entries()) {
    const running = channel.settings === undefined ? shared : scene.start(channel.settings);
    const sample = fc.sample(anyName, { numRuns: count, seed: index });
    const names = [...new Set([...uglyNames, ...sample])].filter(
      (name) =>
        channel.refuses?.(name) !== true &&
        // The stand-ins keep their log objects in files, and those of this name hold them.
        !name.startsWith('.escaped/'),
    );
    const before = scene.oms.received.length;
    const delivery = await running.deliver(channel, created(...names));
    expect(delivery, channel.name).toEqual({ returned: [], error: undefined });
    const received = scene.oms.received.slice(before).flatMap((events) => events.names);
    expect(received.sort(), channel.name).toEqual([...names].sort());
    expect(await scene.names('success_object'), channel.name).toEqual([...names].sort());
    await scene.forget();
  }
}

export const behaviours: readonly Behaviour[] = [
  {
    name: 'names',
    meaning: 'any name arrives at OMS and on the list as it is, by every channel',
    check: (scene) => checkNames(scene, scene.platform.channels, 30),
  },
  {
    name: 'merging',
    meaning: 'equal names in one invocation are requested once; NFC and NFD are two',
    async check(scene) {
      const channel = scene.platform.channels.find(({ batch }) => batch > 1) ?? scene.channel;
      const before = scene.oms.received.length;
      await scene.start(channel.settings).deliver(channel, created('ü', 'u\u0308', 'ü', 'ü'));
      const received = scene.oms.received.slice(before).flatMap((events) => events.names);
      expect(received.sort()).toEqual(['u\u0308', 'ü']);
      expect(scene.logged('sync')).toMatchObject([{ received: 4, requested: 2, merged: 2 }]);
    },
  },
  {
    name: 'filtering',
    meaning: 'prefix and suffix filters look at the true name; what is no creation is counted, not requested',
    async check(scene) {
      const changes: Change[] = [
        ...created('in/a b.jpg', 'in/no/b.jpg', 'in/a.tmp', 'out/a.jpg'),
        { name: 'in/gone.jpg', kind: 'removed' },
      ];
      const before = scene.oms.received.length;
      const settings = { include_prefix: 'in/', exclude_prefix: 'in/no/', include_suffix: '.jpg' };
      const delivery = await scene.start(settings).deliver(scene.channel, changes);
      expect(delivery).toEqual({ returned: [], error: undefined });
      expect(scene.oms.received.slice(before).flatMap(({ names }) => names)).toEqual(['in/a b.jpg']);
      expect([scene.sum('received'), scene.sum('requested'), scene.sum('filtered')]).toEqual([5, 1, 4]);
    },
  },
  {
    name: 'refusal',
    meaning:
      'of 25 names with one that OMS refuses, 24 are requested and one is on the failed list with the code',
    async check(scene) {
      const names = numbered(25);
      const poison = names[13] ?? '';
      scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [poison] }]);
      const delivery = await scene.start().deliver(scene.channel, created(...names));
      expect(delivery).toEqual({ returned: [], error: undefined });
      expect(await scene.names('success_object')).toEqual(names.filter((name) => name !== poison).sort());
      const failed = await scene.read('failed_object');
      expect(failed.map(({ key }) => key)).toEqual([`oms_source_record/failed_object/${poison}`]);
      expect(JSON.parse(failed[0]?.body ?? '')).toMatchObject({
        name: poison,
        source_store: scene.platform.store,
        reason_class: 'refused',
        error_code: 'OMS.0064',
      });
      expect([scene.sum('received'), scene.sum('requested'), scene.sum('unrequested')]).toEqual([25, 24, 1]);
    },
  },
  {
    name: 'retries',
    meaning: 'a fault that passes is waited out: a reset, an internal error under 400, a Retry-After',
    async check(scene) {
      const running = scene.start();
      scene.oms.faults.set([
        { kind: 'reset', when: 'after', times: 1 },
        { kind: 'answer', status: 400, errorCode: 'OMS.1001', times: 1 },
      ]);
      const deliver = () => running.deliver(scene.channel, created('a'));
      expect(await deliver()).toEqual({ returned: [], error: undefined });
      expect(scene.logged('sync')).toMatchObject([{ requested: 1, requests: 3, retries: 2 }]);
      // Without a Retry-After, the first wait is 1 s at most.
      scene.oms.faults.set([{ kind: 'answer', status: 503, retryAfter: 2, times: 1 }]);
      expect(await deliver()).toEqual({ returned: [], error: undefined });
      const [, line] = scene.logged('sync');
      expect(line).toMatchObject({ requested: 1, requests: 2, retries: 1 });
      expect(line?.['ms']).toBeGreaterThanOrEqual(2000);
    },
  },
  {
    name: 'identity',
    meaning: 'keys that OMS does not accept: nothing more is sent, everything is on the failed list',
    async check(scene) {
      const channel = scene.platform.channels.find(({ batch }) => batch > 1) ?? scene.channel;
      const names = channel.batch > 1 ? numbered(30) : numbered(1);
      scene.oms.faults.set([{ kind: 'answer', status: 401, errorCode: 'APIG.0301' }]);
      const before = scene.oms.requestCount;
      const delivery = await scene
        .start({ max_in_flight: '1', ...channel.settings })
        .deliver(channel, created(...names));
      expect(delivery.returned).toEqual([]);
      expect(scene.oms.requestCount - before).toBe(1);
      expect(await scene.names('failed_object')).toEqual([...names].sort());
    },
  },
  {
    name: 'deadline',
    meaning: 'OMS is away for the whole time: the function ends in time, everything is on the failed list',
    async check(scene) {
      const channel = scene.platform.channels.find(({ batch }) => batch > 1) ?? scene.channel;
      const names = numbered(Math.min(channel.batch, 25));
      scene.oms.faults.set([{ kind: 'black-hole' }]);
      const settings = { max_attempts: '100', request_timeout_ms: '60000', ...channel.settings };
      // Less than 5 s leave less than the 1.6 s for the lists that a busy machine may want.
      const delivery = await scene.start(settings, { timeoutSeconds: 5 }).deliver(channel, created(...names));
      expect(delivery).toEqual({ returned: [], error: undefined });
      expect(await scene.names('failed_object')).toEqual([...names].sort());
    },
  },
  {
    name: 'list layout',
    meaning: 'log_layout=list: one text file of encoded names per outcome, as OMS takes it, and the reasons',
    async check(scene) {
      const channel = scene.platform.channels.find(({ batch }) => batch > 1) ?? scene.channel;
      const poison = 'b+ü';
      scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [poison] }]);
      await scene
        .start({ log_layout: 'list', ...channel.settings })
        .deliver(channel, created('a b', poison, 'c/d'));
      const succeeded = await scene.read('success_object');
      const failed = await scene.read('failed_object');
      const lines = succeeded.flatMap(({ body }) => body.trimEnd().split('\n'));
      expect(lines.sort()).toEqual(['a%20b', 'c%2Fd']);
      for (const { key } of succeeded) {
        expect(key).toMatch(/^oms_source_record\/success_object\/\d{4}\/\d\d\/\d\d\/[^/]+\.txt$/);
        expect(scene.lists.contentType(key)).toBe('text/plain');
      }
      expect(failed.map(({ body }) => body)).toEqual([
        expect.stringContaining('"error_code":"OMS.0064"'),
        'b%2B%C3%BC\n',
      ]);
    },
  },
  {
    name: 'recording',
    meaning: 'on_failure=record: what a passing fault hit is on the failed list, and acknowledged',
    async check(scene) {
      scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
      const delivery = await scene.start({ max_attempts: '1' }).deliver(scene.channel, created('a', 'b'));
      expect(delivery).toEqual({ returned: [], error: undefined });
      expect(await scene.names('failed_object')).toEqual(['a', 'b']);
    },
  },
  {
    name: 'redelivery',
    meaning: 'on_failure=redeliver: it is handed back, alone, until the platform is about to give up',
    async check(scene) {
      const running = scene.start({ max_attempts: '1', on_failure: 'redeliver', max_in_flight: '1' });
      const names = numbered(25);
      const bad = names[13] ?? '';
      const isBad = { kind: 'answer', status: 503, names: [bad] } as const;
      scene.oms.faults.set([isBad]);
      const { returned } = await running.deliver(scene.channel, created(...names));
      expect(returned).toContain(bad);
      // At most, whoever shared its last request comes back with it.
      expect(scene.channel.batch === 1 ? [bad] : names.slice(10, 20)).toEqual(
        expect.arrayContaining([...returned]),
      );
      expect(await scene.names('failed_object')).toEqual([]);
      const settled = [...(await scene.names('success_object')), ...returned];
      expect(settled.sort()).toEqual([...names].sort());

      for (const channel of scene.platform.channels) {
        await scene.forget();
        scene.oms.faults.set([isBad]);
        const { lastDelivery = 1, name } = channel;
        for (const delivery of new Set([1, lastDelivery - 1, lastDelivery])) {
          const isLast = delivery >= lastDelivery;
          if (delivery === 0) continue;
          const answer = await running.deliver(channel, created(bad), delivery);
          expect(answer.returned, `${name}, delivery ${delivery}`).toEqual(isLast ? [] : [bad]);
          expect(await scene.names('failed_object'), name).toEqual(isLast ? [bad] : []);
        }
      }
    },
  },
  {
    name: 'replay',
    meaning: 'the scheduler of the platform: what is on the failed list is requested again and taken off it',
    async check(scene) {
      const names = ['a b', 'x+ü', `${'long/'.repeat(204)}x`];
      for (const log_layout of ['object', 'list']) {
        const running = scene.start({ max_attempts: '1', log_layout });
        scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
        await running.deliver(scene.channel, created(...names));
        expect(await scene.read('failed_object')).not.toEqual([]);
        scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['x+ü'] }]);
        expect(await running.replay()).toEqual({ error: undefined });
        expect(scene.logged('sync').at(-1)).toMatchObject({ replay: true, requested: 2, unrequested: 1 });
        scene.oms.faults.clear();
        const before = scene.oms.received.length;
        expect(await running.replay()).toEqual({ error: undefined });
        expect(scene.oms.received.slice(before)).toMatchObject([{ names: ['x+ü'] }]);
        expect(await scene.read('failed_object')).toEqual([]);
        await scene.reset();
      }
      expect(await scene.start().replay()).toEqual({ error: undefined });
      expect(scene.logged('sync')).toMatchObject([{ replay: true, received: 0, level: 'info' }]);
      // Nobody must take an empty list for one that could not be read.
      scene.lists.faults.set([{ kind: 'answer', status: 403, code: 'AccessDenied' }]);
      expect((await scene.start().replay()).error).toContain('AccessDenied');
    },
  },
  {
    name: 'outage',
    meaning: 'neither OMS nor the log bucket is there: everything is delivered again, one line says so',
    async check(scene) {
      const running = scene.start(
        { sync_url: `${nobody}/v2/p/sync-tasks/t/events`, obs_endpoint: nobody, max_attempts: '2' },
        { timeoutSeconds: 8 },
      );
      const delivery = await running.deliver(scene.channel, created('a'));
      expect(delivery.returned).toEqual(['a']);
      expect(scene.logged('sync')).toMatchObject([{ level: 'error', received: 1, returned: 1 }]);
      expect(String(scene.logged('sync')[0]?.['error'])).toContain('ECONNREFUSED');
    },
  },
  {
    name: 'silent store',
    meaning: 'the log bucket does not answer: the function ends in time, everything is delivered again',
    async check(scene) {
      scene.lists.faults.set([{ kind: 'black-hole' }]);
      const delivery = await scene.start({}, { timeoutSeconds: 3 }).deliver(scene.channel, created('a'));
      expect(delivery.returned).toEqual(['a']);
      expect(scene.logged('sync')).toMatchObject([{ received: 1, returned: 1 }]);
    },
  },
  {
    name: 'unknown event',
    meaning: 'an event of unknown shape is refused and named, never acknowledged',
    async check(scene) {
      const before = scene.oms.requestCount;
      const running = scene.start();
      for (const event of [{}, { hello: 'world' }, { Records: [{ nothing: 'known' }] }, [1, 2, 3]]) {
        const { error } = await running.deliverRaw(event);
        expect(error, JSON.stringify(event)).toBeDefined();
      }
      expect(scene.lines.join('\n')).toMatch(/expected .*found /);
      expect(scene.oms.requestCount).toBe(before);
    },
  },
  {
    name: 'settings',
    meaning: 'wrong settings: one message names all of them, nothing is sent, nothing is acknowledged',
    async check(scene) {
      const before = [scene.oms.requestCount, scene.lists.requestCount];
      const wrong = {
        sync_url: 'http://oms.example.com',
        hw_sk: undefined,
        max_attempts: 'ten',
        log_layout: 'tree',
      };
      const delivery = await scene.start(wrong).deliver(scene.channel, created('a'));
      expect(delivery.returned).toEqual(['a']);
      const said = `${delivery.error}\n${scene.lines.join('\n')}`;
      for (const name of Object.keys(wrong)) expect(said).toContain(`${name}: expected`);
      expect([scene.oms.requestCount, scene.lists.requestCount]).toEqual(before);
    },
  },
  {
    name: 'loop guard',
    meaning:
      'a log bucket that is the source bucket: its lists are left out, its objects are not, and it is said',
    async check(scene) {
      const own = { bucket: 'logs', kind: 'created' } as const;
      const isOwn = scene.platform.store === scene.lists.name;
      const before = [scene.oms.received.length, scene.lists.requestCount];
      await scene.start().deliver(scene.channel, [{ ...own, name: 'oms_source_record/failed_object/a' }]);
      // A bucket of that name in another store is another bucket.
      expect(scene.sum('filtered')).toBe(isOwn ? 1 : 0);
      expect(scene.sum('requested')).toBe(isOwn ? 0 : 1);
      expect(scene.logged('misconfigured')).toHaveLength(isOwn ? 1 : 0);
      if (!isOwn) return;
      expect([scene.oms.received.length, scene.lists.requestCount]).toEqual(before);
      await scene.start().deliver(scene.channel, [{ ...own, name: 'photos/b' }]);
      expect(await scene.names('success_object')).toEqual(['photos/b']);
      expect(scene.logged('misconfigured')).toHaveLength(2);
    },
  },
  {
    name: 'secrets',
    meaning: 'no key in any line, whatever comes back from OMS and the store',
    async check(scene) {
      const running = scene.start({ log_level: 'debug' });
      const { hw_ak: accessKey, hw_sk: secretKey, hw_security_token: token } = scene.settings;
      const body = JSON.stringify({
        error_code: 'OMS.0064',
        error_msg: `${accessKey} ${secretKey} ${token}`,
      });
      scene.oms.faults.set([{ kind: 'answer', status: 400, body }]);
      await running.deliver(scene.channel, created('a'));
      const [failed] = await scene.read('failed_object');
      expect(failed?.body).toContain('[secret] [secret] [secret]');
      expect(scene.lines.join('\n')).toContain('[secret]');

      // All that was shown is searched for keys after each behaviour, see Scene.
      await scene.forget();
      const { keys, faults } = scene.lists;
      faults.set([{ kind: 'answer', status: 403, code: keys.join(' ') }]);
      const delivery = await running.deliver(scene.channel, created('a'));
      expect(delivery.returned).toEqual(['a']);
      expect(scene.lines.join('\n')).toContain(keys.map(() => '[secret]').join(' '));
    },
  },
];
