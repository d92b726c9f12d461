import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { SettingsError } from './setting-values.ts';

/** The variables of an environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment, with the variables of a file of `NAME=value` lines behind it: what is set in both is that of the
 * environment.
 *
 * @param file as given with `--env-file`.
 * @throws {SettingsError} if the file cannot be read.
 */
export function readEnvironment(env: Environment, file: string | undefined): Environment {
  if (file === undefined) return env;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new SettingsError([{ setting: '--env-file', expected: 'a file that can be read', found }]);
  }
  return { ...parseEnv(text), ...env };
}
