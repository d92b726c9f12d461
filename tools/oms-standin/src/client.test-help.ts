import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { AKSKSigner } from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import type { ICredential } from '@huaweicloud/huaweicloud-sdk-core/auth/ICredential.js';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { testKeys } from '@oms-sync/testing';
import { expect, onTestFinished } from 'vitest';
import { startOmsStandin, type OmsStandin, type OmsStandinOptions } from './index.ts';

/** For tests: a stand-in with one task, from bucket `photos` to bucket `copies`, gone when the test ends. */
export async function standinForTest(options: Partial<OmsStandinOptions> = {}): Promise<{
  standin: OmsStandin;
  buckets: string;
  source: ObjectFolder;
  destination: ObjectFolder;
  taskId: string;
  /** Asks for objects, by the raw elements of object_keys. */
  sendEvents: (...rawKeys: string[]) => Promise<TestAnswer>;
  /** Any signed request; `path` begins after the project. */
  call: (method: string, path: string, request?: SignedParts) => Promise<TestAnswer>;
}> {
  const buckets = await mkdtemp(path.join(tmpdir(), 'oms-standin-'));
  const { accessKey, secretKey } = testKeys;
  const standin = await startOmsStandin({ buckets, accessKey, secretKey, copyDelayMs: 0, ...options });
  onTestFinished(async () => {
    await standin.close();
    await rm(buckets, { recursive: true });
  });
  const taskId = standin.createTask({ srcBucket: 'photos', dstBucket: 'copies' });
  const call = (method: string, route: string, parts: SignedParts = {}) =>
    send(
      method,
      `${standin.url}/v2/project/sync-tasks${route}`,
      signedParts(method, standin.url, route, parts),
    );
  return {
    standin,
    buckets,
    source: new ObjectFolder(path.join(buckets, 'photos')),
    destination: new ObjectFolder(path.join(buckets, 'copies')),
    taskId,
    sendEvents: (...rawKeys) => call('POST', `/${taskId}/events`, { json: { object_keys: rawKeys } }),
    call,
  };
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, if it is JSON. */
  readonly json: unknown;
}

export interface SignedParts {
  readonly json?: unknown;
  /** A body that is not the JSON of something. */
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function signedParts(method: string, url: string, route: string, { json, raw, headers = {} }: SignedParts) {
  const [pathname = '', query = ''] = route.split('?');
  // The signer hashes the JSON of `data`; for anything else it takes the hash from this header.
  const hash = raw === undefined ? {} : { 'X-Sdk-Content-Sha256': sha256(raw) };
  return {
    headers: signHeaders({
      method,
      endpoint: `${url}/v2/project/sync-tasks${pathname}`,
      queryParams: Object.fromEntries(new URLSearchParams(query)),
      headers: { 'Content-Type': 'application/json', ...hash, ...headers },
      data: json,
    }),
    body: raw ?? (json === undefined ? '' : JSON.stringify(json)),
  };
}

/** The headers of a request signed by the official signer, as it is. */
export function signHeaders(
  parts: Parameters<typeof AKSKSigner.sign>[0],
  keys: { accessKey: string; secretKey: string } = testKeys,
): Record<string, string> {
  const refuse = () => Promise.reject(new Error('only signs'));
  const credential: ICredential = {
    getAk: () => keys.accessKey,
    getSk: () => keys.secretKey,
    processAuthRequest: refuse,
    processAuthParams: refuse,
  };
  return { ...AKSKSigner.sign(parts, credential) };
}

/** Sends a request and reads its answer; rejects with the error of the connection. */
export async function send(
  method: string,
  url: string,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const length = { 'Content-Length': String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: text,
          json: parseJson(text),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Some answers are not JSON on purpose.
  }
}

/** One field of an answer. */
export function field(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? new Map(Object.entries(json)).get(name) : undefined;
}

/** vitest's own matchers are typed `any`. */
export const anyNumber: unknown = expect.any(Number);
export const anyText: unknown = expect.any(String);
export const stringWith = (text: string): unknown => expect.stringContaining(text);

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
