import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AzureLogLevel } from './azure-functions-messages.ts';

/** What the host reads of an app's host.json, with the host's own defaults. */
export interface AzureHostJson {
  /** In seconds; the default is that of the Consumption plan. */
  readonly functionTimeout: number;
  readonly maxDequeueCount: number;
  /** Must be `base64`, the default, or `none`. */
  readonly messageEncoding: string;
  /** The least level of what is logged, by the beginning of the category. */
  readonly logLevel: Readonly<Record<string, string>>;
}

/** Source: Azure Functions, "host.json reference"; Microsoft.Azure.WebJobs.Extensions.Storage.Queues, QueuesOptions. */
export function readAzureHostJson(code: string): AzureHostJson {
  const json: unknown = JSON.parse(readFileSync(path.join(code, 'host.json'), 'utf8'));
  if (get(json, 'version') !== '2.0') throw new Error('host.json: expected version 2.0');
  const queues = get(json, 'extensions', 'queues');
  const logLevel = get(json, 'logging', 'logLevel') ?? {};
  const timeout = getText(json, 'functionTimeout') ?? '00:05:00';
  const [hours = 0, minutes = 0, seconds = 0] = timeout.split(':').map(Number);
  return {
    functionTimeout: (hours * 60 + minutes) * 60 + seconds,
    maxDequeueCount: Number(get(queues, 'maxDequeueCount') ?? 5),
    messageEncoding: getText(queues, 'messageEncoding') ?? 'base64',
    logLevel: Object.fromEntries(Object.entries(logLevel).map(([name, level]) => [name, String(level)])),
  };
}

const levels: readonly AzureLogLevel[] = [
  'trace',
  'debug',
  'information',
  'warning',
  'error',
  'critical',
  'none',
];

/** Does the host pass on what a function logs with this level? The longest fitting category decides. */
export function isLogged({ logLevel }: AzureHostJson, functionName: string, level: AzureLogLevel): boolean {
  const category = `Function.${functionName}.User`;
  const [rule = 'default'] = Object.keys(logLevel)
    .filter((name) => category === name || category.startsWith(`${name}.`))
    .sort((a, b) => b.length - a.length);
  const least = (logLevel[rule] ?? 'Information').toLowerCase();
  return levels.indexOf(level) >= levels.findIndex((name) => name === least);
}

function getText(value: unknown, name: string): string | undefined {
  const member = get(value, name);
  return typeof member === 'string' ? member : undefined;
}

function get(value: unknown, ...names: readonly string[]): unknown {
  let member = value;
  for (const name of names) {
    if (typeof member !== 'object' || member === null) return undefined;
    member = Reflect.get(member, name);
  }
  return member;
}
