import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GcfHost } from './gcf.ts';

// A function that does as it is told: by the data of an event, or by the path of a request.
const code = `
let served = 0;
const act = async (what) => {
  served += 1;
  if (what === 'throw') throw new Error('thrown');
  if (what === 'end') process.exit(3);
  if (what === 'sleep') await new Promise((resolve) => setTimeout(resolve, 1500));
  console.log(JSON.stringify({ what, served }));
};
exports.omsSync = async (event, ...[context]) => {
  await act(event.what ?? event.data.what);
  return { type: context?.eventType ?? event.type };
};
exports.omsSyncPush = async (request, response) => {
  await act(request.path.slice(1));
  response.send(process.env.colour);
};
`;

const event = {
  id: '1',
  source: '//storage.googleapis.com/b',
  type: 'google.cloud.storage.object.v1.finalized',
};
let folder: string;
let lines: string[];
let host: GcfHost;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-gcf-host-'));
  writeFileSync(path.join(folder, 'index.js'), code);
  writeFileSync(path.join(folder, 'package.json'), '{"main":"index.js"}');
  lines = [];
  host = new GcfHost({
    code: folder,
    runtimes: fileURLToPath(new URL('.', import.meta.url)),
    settings: { colour: 'blue' },
    timeoutSeconds: 1,
    log: (line) => lines.push(line),
  });
});

afterEach(async () => {
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('GcfHost', () => {
  it('calls a function with each of the signatures, in one instance each', async () => {
    const data = { what: 'work' };
    for (const mode of ['binary', 'structured'] as const) {
      const result = await host.invoke({ ...event, data }, mode);
      expect(result).toEqual({ ok: true, status: 200, value: JSON.stringify({ type: event.type }) });
    }
    const older = await host.invoke({ ...event, data }, 'binary', 'event');
    expect(older).toMatchObject({ status: 200, value: '{"type":"google.storage.object.finalize"}' });
    expect(await host.send({ path: '/work' }, 'http')).toEqual({ ok: true, status: 200, value: 'blue' });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { what: 'work', served: 1 },
      { what: 'work', served: 2 },
      { what: 'work', served: 1 },
      { what: 'work', served: 1 },
    ]);
  });

  it('gives what was thrown', async () => {
    expect(await host.invoke({ ...event, data: { what: 'throw' } })).toEqual({
      ok: false,
      status: 500,
      errorType: 'HTTP 500',
      errorMessage: 'thrown',
    });
  });

  it('stops waiting after the timeout; the function goes on', async () => {
    const startedAt = Date.now();
    const [slow, fast] = await Promise.all([
      host.send({ path: '/sleep' }, 'http'),
      host.send({ path: '/work' }, 'http'),
    ]);
    expect([slow.status, fast.status]).toEqual([504, 200]);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1000);
    await expect.poll(() => lines.some((line) => line.includes('"sleep"')), { timeout: 5000 }).toBe(true);
  });

  it('starts another instance when one has ended', async () => {
    expect(await host.send({ path: '/end' }, 'http')).toMatchObject({ ok: false, status: 500 });
    await expect.poll(async () => (await host.send({ path: '/work' }, 'http')).status).toBe(200);
    expect(lines.some((line) => line.includes('"served":1'))).toBe(true);
  });

  it('says why a function does not start', async () => {
    writeFileSync(path.join(folder, 'index.js'), 'exports.another = 1;');
    await expect(host.send({}, 'http')).rejects.toThrow("Function 'omsSyncPush' is not defined");
  });
});
