import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from './settings.ts';

// Settings of a single app stand in a section of their own, and are held against the schema of that app.
const [reference = ''] = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8').split(
  '\n## ',
);
/** Name, needed and default of each row of the table. */
const rows = [...reference.matchAll(/^\| `(\w+)` +\| ([^|]*?) *\| ([^|]*?) *\|/gm)].map(
  ([, name = '', needed = '', fallback = '']) => ({ name, needed, fallback }),
);

describe('docs/settings.md', () => {
  it('has every setting, in the order of the schema', () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(settingsSchema));
  });

  it.each(rows)('says what is needed and the default of $name', ({ name, needed, fallback }) => {
    const setting = Object.entries(settingsSchema).find(([key]) => key === name)?.[1] ?? {};
    expect(needed === 'yes').toBe('needed' in setting);
    const value =
      'otherwise' in setting && !Array.isArray(setting.otherwise) ? `\`${String(setting.otherwise)}\`` : '';
    expect(fallback).toBe(value);
  });
});
