import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startGcsStandin, type GcsStandin } from '@oms-sync/gcs-standin';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { finalize, pushOf, Workbench } from './bundle.test-help.ts';

// The lists in Cloud Storage, by the SDK that is in the bundle, against a stand-in of its JSON API.
let bench: Workbench;
let scratch: string;
let gcs: GcsStandin;
let settings: Record<string, string>;

beforeAll(async () => {
  bench = await Workbench.open();
  scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-gcf-gs-'));
  mkdirSync(path.join(scratch, 'lists'));
  gcs = await startGcsStandin({ buckets: scratch });
  settings = { log_bucket: 'gs://lists', STORAGE_EMULATOR_HOST: gcs.url.href };
});

afterEach(() => bench.reset());

afterAll(async () => {
  await bench.close();
  await gcs.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('a log bucket in Cloud Storage', () => {
  it('gets the lists', async () => {
    bench.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['100%+ü'] }]);
    const host = bench.start(settings);
    const answers = await Promise.all([host.invoke(finalize('a+b ü')), host.push(pushOf('100%+ü'))]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    const keys = (await new ObjectFolder(path.join(scratch, 'lists')).list('')).map(({ key }) => key);
    expect(keys.sort()).toEqual([
      'oms_source_record/failed_object/100%+ü',
      'oms_source_record/success_object/a+b ü',
    ]);
  });

  it('that is the source bucket too: its lists are left out, its objects are not, and it is said', async () => {
    const host = bench.start(settings);
    const [before, written] = [bench.oms.received.length, gcs.requests.length];
    const inLists = (name: string) => finalize(name, { data: { bucket: 'lists', name }, bucket: 'lists' });
    expect((await host.invoke(inLists('oms_source_record/failed_object/a'))).status).toBe(204);
    expect([bench.oms.received.length, gcs.requests.length]).toEqual([before, written]);
    expect((await host.invoke(inLists('photos/b'))).status).toBe(204);
    expect(bench.namesSince(before)).toEqual(['photos/b']);
    expect(bench.logged('misconfigured')).toMatchObject([{ severity: 'ERROR' }, { severity: 'ERROR' }]);
  });

  it('that does not exist: nothing is acknowledged', async () => {
    const host = bench.start({ ...settings, log_bucket: 'gs://missing' });
    const answers = await Promise.all([host.invoke(finalize('a')), host.push(pushOf('b'))]);
    expect(answers.map(({ status }) => status)).toEqual([500, 500]);
    expect(bench.logged('sync')).toMatchObject([{ returned: 1 }, { returned: 1 }]);
  });
});
