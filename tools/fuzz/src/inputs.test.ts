import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { entryPoints } from './entry-points.ts';
import { makeInput } from './inputs.ts';
import { Random } from './random.ts';
import { receiverPoints } from './receivers.ts';
import { listChannels, Seeds } from './seeds.ts';
import { makeToolInput, readToolFiles } from './tool-inputs.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const show = (value: unknown) => inspect(value, { depth: 20 });

const all = [
  ...entryPoints.map((point) => ({ ...point, channels: listChannels(point.platform) })),
  ...receiverPoints.map((point) => ({ ...point, channels: [point.channel], inProcess: false })),
];

describe.each(all)('inputs of $name', ({ name, channels, fixtures, inProcess }) => {
  const seeds = new Seeds(channels, fixtures, root);
  const make = (seed: number, index: number) =>
    makeInput({ seed, entryPoint: name, seeds, inProcess }, index).event;

  it('are the same for the same seed, and others for another', () => {
    const indexes = Array.from({ length: 20 }, (_, index) => index);
    const first = indexes.map((index) => show(make(1, index)));
    expect(indexes.map((index) => show(make(1, index)))).toEqual(first);
    expect(indexes.map((index) => show(make(2, index)))).not.toEqual(first);
  });

  it('leave all objects as they are', () => {
    for (let index = 0; index < 300; index++) make(3, index);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

it('calls of the tool are the same for the same seed, and such as a process can be given', () => {
  const seeds = readToolFiles(root);
  const make = (seed: number) =>
    Array.from({ length: 50 }, (_, index) => makeToolInput(seeds, '/folder', index, new Random(seed, index)));
  const digest = (seed: number) => {
    const hash = createHash('sha256');
    for (const { args, files, stdin } of make(seed)) {
      for (const part of [...args, ...files.map(({ body }) => body), stdin]) hash.update(part);
    }
    return hash.digest('hex');
  };
  expect(digest(1)).toBe(digest(1));
  expect(digest(2)).not.toBe(digest(1));
  for (const arg of make(1).flatMap(({ args }) => args)) expect(arg).not.toMatch(/\0|\p{Surrogate}/u);
});
