import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEnvironment } from './environment.ts';
import { SettingsError } from './setting-values.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-environment-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the environment', () => {
  it('goes before the file', () => {
    const file = path.join(folder, 'settings.env');
    writeFileSync(file, '# a comment\nlog_level=debug\nlisten="127.0.0.1:1"\n');
    expect(readEnvironment({ log_level: 'warn', PATH: '/bin' }, file)).toEqual({
      log_level: 'warn',
      PATH: '/bin',
      listen: '127.0.0.1:1',
    });
  });

  it('is all there is without a file', () => {
    const env = { log_level: 'warn' };
    expect(readEnvironment(env, undefined)).toBe(env);
  });

  it('says which file cannot be read', () => {
    const file = path.join(folder, 'missing.env');
    expect(() => readEnvironment({}, file)).toThrow(SettingsError);
    expect(() => readEnvironment({}, file)).toThrow(
      `--env-file: expected a file that can be read, found ENOENT`,
    );
  });
});
