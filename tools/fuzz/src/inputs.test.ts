import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { entryPoints } from './entry-points.ts';
import { makeInput } from './inputs.ts';
import { Seeds } from './seeds.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const show = (value: unknown) => inspect(value, { depth: 20 });

describe.each(entryPoints)('inputs of $name', ({ name, platform, fixtures, inProcess }) => {
  const seeds = new Seeds(platform, fixtures, root);
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
