// A process that feeds one receiver of the service, which runs in it: whoever started it sees if it hangs or crashes.
import { openSync, writeSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { testKeys } from '@oms-sync/testing';
import type { Answer } from './entry-point.ts';
import { makeInput, type Input } from './inputs.ts';
import { readLists } from './lists.ts';
import { inputsInAGroup, type BenchData } from './messages.ts';
import { OmsFake } from './oms-fake.ts';
import type { Random } from './random.ts';
import {
  googleKeys,
  receiverPoints,
  receiverSecrets,
  receiverSettings,
  signer,
  type ReceiverRequest,
} from './receivers.ts';
import { Seeds } from './seeds.ts';
import { judgeGroup, type GroupObservation, type Sent } from './service-oracle.ts';
import { clearPrototype, empty, measureHeap, send, watchProcess, withTimeLimit } from './watched-process.ts';

const groupsALook = 20;

process.once('message', (data: BenchData) => void main(data));

async function main(data: BenchData): Promise<void> {
  const { lines, uncaught } = watchProcess();
  const point = receiverPoints.find(({ name }) => name === data.entryPoint);
  if (point === undefined) throw new TypeError(`no receiver ${data.entryPoint}`);
  const oms = await OmsFake.start();
  const askedHosts = await replaceInternet();
  const address = await startService(data, oms.syncUrl, lines);
  const agent = new http.Agent({ keepAlive: true, maxSockets: inputsInAGroup });
  const seeds = new Seeds([point.channel], point.fixtures, data.root);
  const options = { seed: data.seed, entryPoint: point.name, seeds, inProcess: false };
  const progress = openSync(data.progress, 'w');

  const observe = async (inputs: readonly Input[]): Promise<GroupObservation> => {
    // A fault of OMS would have the service wait, and nobody has the time: dispatcher.test.ts has the faults.
    oms.reset(inputs[0]?.mood === 'refuses some' ? 'refuses some' : 'takes all');
    for (const list of [lines, uncaught, askedHosts]) list.length = 0;
    const startedAt = performance.now();
    const before = await readMetrics(address);
    const sent = await Promise.all(inputs.map((input) => sendInput(input)));
    await untilIdle(address);
    const after = await readMetrics(address);
    const observation = {
      sent,
      ms: performance.now() - startedAt,
      lines: [...lines],
      accepted: oms.accepted,
      violations: oms.violations,
      lists: await readLists(data.folder),
      uncaught: [...uncaught],
      prototypeKeys: clearPrototype(),
      secrets: receiverSecrets,
      askedHosts: [...askedHosts],
      received: after.received - before.received,
      repeated: after.repeated - before.repeated,
    };
    empty(data.folder);
    return observation;
  };
  const sendInput = async (input: Input): Promise<Sent> => {
    const request = point?.makeRequest(input);
    const { answer, isOdd } = post(new URL(address), request, agent, input.random);
    const isRightful = request.standing === 'rightful' && !isOdd;
    return {
      input,
      isForged: request.standing === 'forged',
      isFlawless: isRightful && input.mutations.length === 0 && input.canary !== undefined,
      answer: await withTimeLimit(answer),
    };
  };

  const outcomes: Record<string, number> = {};
  let baselineBytes = 0;
  let slowestMs = 0;
  let groups = 0;
  for (let index = data.from; index < data.to; index += inputsInAGroup) {
    writeSync(progress, String(index).padStart(10), 0);
    const size = Math.min(inputsInAGroup, data.to - index);
    const observation = await observe(
      Array.from({ length: size }, (_, step) => makeInput(options, index + step)),
    );
    slowestMs = Math.max(slowestMs, observation.ms);
    for (const { answer } of observation.sent) {
      const outcome = answer.kind === 'failed' ? answer.errorType : answer.kind;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    const problems = judgeGroup(observation);
    if (problems.length > 0) {
      const { index: first = index } = problems.find(({ index }) => index !== undefined) ?? {};
      const texts = problems.map(({ index, problem }) =>
        index === undefined ? problem : `${index}: ${problem}`,
      );
      send({ kind: 'failure', index: first, problems: texts, report: describe(data, observation) });
      if (observation.sent.some(({ answer }) => answer.kind === 'hung')) break;
    }
    if (groups++ % groupsALook === 0) {
      const bytes = measureHeap();
      // The first look is before everything is loaded.
      if (groups <= groupsALook + 1) baselineBytes = bytes;
      send({ kind: 'progress', done: index + size - data.from, grownBytes: bytes - baselineBytes });
    }
  }
  writeSync(progress, String(data.to - 1).padStart(10), 0);
  send({ kind: 'end', outcomes, slowestMs, grownBytes: measureHeap() - baselineBytes });
  process.disconnect();
  setTimeout(() => process.exit(0), 100);
}

/** Runs the bundle in this process, as `node main.js` does; gives its address. */
async function startService(data: BenchData, syncUrl: string, lines: readonly string[]): Promise<string> {
  Object.assign(process.env, {
    ...receiverSettings,
    listen: '127.0.0.1:0',
    queue_folder: `${data.folder}.queue`,
    requests_per_second: '1000000',
    sync_url: syncUrl,
    log_bucket: pathToFileURL(data.folder).href,
    hw_ak: testKeys.accessKey,
    hw_sk: testKeys.secretKey,
    hw_security_token: testKeys.securityToken,
    max_attempts: '1',
    replay_every: '1d',
    log_layout: data.settings['log_layout'],
  });
  const main = path.join(data.root, 'dist/apps/sync-service/main.js');
  createRequire(main)(main);
  for (let tries = 0; tries < 500; tries++) {
    const [, address] = /"address":"([^"]+)"/.exec(lines.join('\n')) ?? [];
    if (address !== undefined) return address;
    await sleep(20);
  }
  throw new Error(`the service has not started: ${lines.join('\n')}`);
}

/**
 * Has the internet on this machine: the certificates of SMN and SNS, confirmations of subscriptions, and Google's keys.
 *
 * @returns each host that was asked.
 */
async function replaceInternet(): Promise<string[]> {
  const hosts: string[] = [];
  const server = http.createServer((request, response) => {
    response.end(/\.pem$/i.test(request.url ?? '') ? signer.cert : 'confirmed');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
  const { port } = server.address() as AddressInfo;
  Reflect.set(
    https,
    'request',
    (url: URL, { signal }: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) => {
      hosts.push(url.hostname);
      const options = { port, path: url.pathname, agent: false, ...(signal && { signal }) };
      return http.request(options, onResponse);
    },
  );
  const { fetch: realFetch } = globalThis;
  globalThis.fetch = (url, init) =>
    String(url instanceof Request ? url.url : url).startsWith('https://www.googleapis.com/')
      ? Promise.resolve(Response.json(googleKeys))
      : realFetch(url, init);
  return hosts;
}

async function readMetrics(address: string): Promise<{ received: number; repeated: number }> {
  const metrics = await (await fetch(new URL('/metrics', address))).text();
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
      (total, [, count]) => total + Number(count),
      0,
    );
  return {
    received: sum('oms_sync_records_received_total'),
    repeated: sum('oms_sync_notifications_repeated_total'),
  };
}

const idleWithinMs = 60_000;

/** Until everything that was kept is settled. */
async function untilIdle(address: string): Promise<void> {
  const deadline = Date.now() + idleWithinMs;
  for (;;) {
    const status: unknown = await (await fetch(new URL('/status', address))).json();
    const [held, backlog] = ['held', 'backlog'].map((name): unknown => Reflect.get(Object(status), name));
    if (held === 0 && backlog === 0) return;
    if (Date.now() > deadline)
      throw new Error(`not settled in a minute: ${JSON.stringify({ held, backlog })}`);
    await sleep(5);
  }
}

/** Sends a request; now and then with another method or type, or cut off before its end. */
function post(
  address: URL,
  { path: receiver, headers, body }: ReceiverRequest,
  agent: http.Agent,
  random: Random,
): { readonly answer: Promise<Answer>; readonly isOdd: boolean } {
  const kind = random.below(100);
  const isCut = kind === 0;
  const method = kind === 1 ? random.pick(['GET', 'PUT', 'OPTIONS', 'DELETE'] as const) : 'POST';
  const odd = {
    ...(kind === 2 && {
      'content-type': random.pick(['', 'nonsense', 'application/json; charset=x'] as const),
    }),
    ...(kind === 3 && { 'content-encoding': 'gzip' }),
    ...(kind === 4 && { 'x-amz-sns-rawdelivery': 'true' }),
  };
  const answer = new Promise<Answer>((resolve) => {
    const request = http.request(
      {
        host: address.hostname,
        port: address.port,
        path: `/notifications/${receiver}`,
        agent,
        method,
        headers: { ...headers, ...odd, 'content-length': isCut ? body.length + 1 : body.length },
      },
      (response) => {
        text(response).then(
          (answer) => {
            const { statusCode = 0 } = response;
            if (statusCode >= 200 && statusCode < 300) resolve({ kind: 'done', value: answer });
            else resolve({ kind: 'failed', errorType: `HTTP ${statusCode}`, text: answer });
          },
          (error: unknown) => resolve({ kind: 'refused', text: String(error) }),
        );
      },
    );
    request.on('error', (error) => resolve({ kind: 'refused', text: String(error) }));
    if (!isCut) request.end(body);
    else request.write(body, () => request.destroy());
  });
  return { answer, isOdd: kind <= 4 };
}

/** All that is needed to see it again, and what was seen. */
function describe(data: BenchData, { sent, ...seen }: GroupObservation): string {
  const inputs = sent.map(({ input: { index, mutations, mood, canary, event, bytes }, ...rest }) => ({
    index,
    mutations,
    mood,
    canary,
    event,
    bytes: bytes?.slice(0, 2000),
    ...rest,
  }));
  return inspect(
    { entryPoint: data.entryPoint, seed: data.seed, settings: data.settings, seen, inputs },
    { depth: 30, maxArrayLength: 200, maxStringLength: 20_000, breakLength: 120 },
  );
}
