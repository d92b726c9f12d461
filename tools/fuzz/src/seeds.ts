import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { platforms, type Channel } from '@oms-sync/function-hosts';
import { uglyNames } from '@oms-sync/testing';
import type { Random } from './random.ts';

export type PlatformName = (typeof platforms)[number]['name'];

/** Makes the events of one way of delivery. */
export type SeedChannel = Pick<Channel, 'batch' | 'makeEvent'>;

/** The channels of a platform; those of gcf make requests, not events. */
export function listChannels(platform: PlatformName): readonly SeedChannel[] {
  const found = platforms.find(({ name }) => name === platform);
  return platform === 'gcf' ? [] : (found?.channels ?? []);
}

/** Real events of one entry point. */
export class Seeds {
  readonly #texts: readonly string[];
  readonly #channels: readonly SeedChannel[];
  readonly #names: readonly string[];

  /**
   * @param channels what else makes events.
   * @param folders those of the recorded events.
   * @param root the root of the workspace.
   */
  constructor(channels: readonly SeedChannel[], folders: readonly string[], root: string) {
    this.#texts = folders.flatMap((folder) => readRecorded(path.join(root, fixtures, folder)));
    this.#channels = channels;
    this.#names = uglyNames.filter((name) => name.length < 200);
  }

  /** One event, a copy of its own: recorded, or as one of the platform's channels makes it. */
  pick(random: Random): unknown {
    const channel = random.chance(0.4) ? random.pick(this.#channels) : undefined;
    if (channel === undefined) return JSON.parse(random.pick(this.#texts) ?? 'null');
    if (random.chance(0.001)) {
      const names = Array.from({ length: Math.min(channel.batch, 5000) }, (_, index) => `many/${index}`);
      return this.#make(channel, names);
    }
    const size = Math.min(channel.batch, random.pick([1, 1, 2, 11, 25] as const));
    return this.#make(
      channel,
      Array.from({ length: size }, () => random.pick(this.#names) ?? 'name'),
    );
  }

  /** An event with one record of this name, as one of the channels makes it; undefined without channels. */
  pickWithName(random: Random, name: string): unknown {
    const channel = random.pick(this.#channels);
    return channel === undefined ? undefined : this.#make(channel, [name]);
  }

  #make(channel: SeedChannel, names: readonly string[]): unknown {
    const event = channel.makeEvent(
      names.map((name) => ({ name, kind: 'created' as const })),
      1,
    );
    // The message of a queue is a text already, as JSON or as Base64.
    const isBase64 = typeof event === 'string' && !/^\s*[[{]/.test(event);
    if (isBase64) return encode(withoutChance(decode(event)));
    // A copy without shared parts.
    return JSON.parse(withoutChance(JSON.stringify(event)));
  }
}

/** Ids and times are new in each event of a channel; the same seed has to give the same event. */
function withoutChance(text: string): string {
  const time = new Date();
  time.setUTCMinutes(0, 0, 0);
  return text
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, '01234567-89ab-4cde-8f01-23456789abcd')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, time.toISOString());
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

const fixtures = 'packages/storage-events/fixtures';

function readRecorded(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readFileSync(path.join(folder, file), 'utf8'));
}
