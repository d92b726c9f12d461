import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GcfInstance, type GcfRequest, type GcfSignature } from './gcf-instance.ts';
import type { HostOptions, InvocationResult } from './invocation.ts';

/** How an invocation ended, and the HTTP status that says so; the value is the text of the answer. */
export type GcfResult = InvocationResult & { readonly status: number };

/** A CloudEvent; `specversion` is added. */
export interface GcfCloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: unknown;
  readonly time?: string;
  readonly subject?: string;
  /** An attribute that Cloud Storage adds. */
  readonly bucket?: string;
}

const targets = { cloudevent: 'omsSync', event: 'omsSync', http: 'omsSyncPush' } as const;

/**
 * Functions in Google Cloud: one for events and one for HTTP requests, as they are deployed from one folder. Each has an
 * instance, a process with Google's own functions framework, that serves any number of requests at once.
 */
export class GcfHost {
  readonly #options: HostOptions;
  /** The folder where the instances listen. */
  #sockets: string | undefined;
  readonly #instances = new Map<GcfSignature, GcfInstance>();

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Delivers an event as Eventarc does, in binary mode, or in structured mode. */
  invoke(
    event: GcfCloudEvent,
    mode: 'binary' | 'structured' = 'binary',
    signature: GcfSignature = 'cloudevent',
  ): Promise<GcfResult> {
    const { data, ...attributes } = { specversion: '1.0', ...event };
    if (mode === 'structured') {
      const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
      return this.send({ headers, body: JSON.stringify({ ...attributes, data }) }, signature);
    }
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    for (const [name, value] of Object.entries(attributes)) {
      headers[`ce-${name}`] = encodeHeader(value);
    }
    return this.send({ headers, body: JSON.stringify(data) }, signature);
  }

  /** Delivers the body of a push as Pub/Sub does. */
  push(body: unknown): Promise<GcfResult> {
    return this.send({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }, 'http');
  }

  /** Sends anything to the function for events or, with the signature `http`, to the one for HTTP requests. */
  async send(request: GcfRequest, signature: GcfSignature): Promise<GcfResult> {
    let instance = this.#instances.get(signature);
    if (instance === undefined || instance.hasEnded) {
      instance = this.#start(signature);
      this.#instances.set(signature, instance);
    }
    const { status, body } = await instance.send(request);
    const result: GcfResult =
      status >= 200 && status < 300
        ? { ok: true, status, value: body }
        : { ok: false, status, errorType: `HTTP ${status}`, errorMessage: body };
    this.#options.answered?.(result);
    return result;
  }

  /** Ends the instances, whatever they are doing; the next request starts a new one. False: there were none. */
  async kill(): Promise<boolean> {
    const instances = [...this.#instances.values()];
    this.#instances.clear();
    return (await Promise.all(instances.map((instance) => instance.stop()))).includes(true);
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#sockets !== undefined) rmSync(this.#sockets, { recursive: true, force: true });
    this.#sockets = undefined;
  }

  #start(signature: GcfSignature): GcfInstance {
    const { runtimes, timeoutSeconds = 60 } = this.#options;
    this.#sockets ??= mkdtempSync(path.join(tmpdir(), 'oms-sync-gcf-'));
    // The framework is no part of the function's code: Google's build installs it beside it.
    const { resolve } = createRequire(path.join(runtimes, 'index.js'));
    return new GcfInstance(this.#options, {
      frameworkMain: path.join(path.dirname(resolve('@google-cloud/functions-framework')), 'main.js'),
      target: targets[signature],
      signature,
      timeoutSeconds,
      folder: this.#sockets,
    });
  }
}

/**
 * As the HTTP binding of CloudEvents encodes what a header cannot hold. Whether Eventarc does, nobody knows: the framework
 * does not decode it.
 */
function encodeHeader(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));
}
