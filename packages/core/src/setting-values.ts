import { Secret } from './secret.ts';

// The texts of settings become values, by a schema: what the settings of every app and those of the service share.

/** One wrong setting: its name, what was expected and what was found (never the value of a secret). */
export interface SettingProblem {
  readonly setting: string;
  readonly expected: string;
  readonly found: string;
}

/** The settings are wrong. The message names all of them at once. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(
      ({ setting, expected, found }) => `  ${setting}: expected ${expected}, found ${found}`,
    );
    super(`${problems.length} wrong setting${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** Turns the text of a setting into its value, or says what was expected instead. */
export type Parse<Value> = (text: string) => { readonly value: Value } | { readonly expected: string };

/** One setting of a schema. */
export interface Setting<Value> {
  /** What the setting means, as the reference in the documentation has it. */
  readonly meaning: string;
  readonly parse: Parse<Value>;
  /** The value when it is not set; a setting without one is either needed or may be undefined. */
  readonly otherwise?: Value;
  readonly needed?: true;
  readonly secret?: true;
}

type Parsed<Member extends Setting<unknown>> = Extract<
  ReturnType<Member['parse']>,
  { value: unknown }
>['value'];

/** The values of the settings of a schema: a needed one and one with a default is always there. */
export type ValuesOf<Schema extends Readonly<Record<string, Setting<unknown>>>> = {
  [Name in keyof Schema]: Schema[Name] extends { needed: true } | { otherwise: unknown }
    ? Parsed<Schema[Name]>
    : Parsed<Schema[Name]> | undefined;
};

/** The values of the settings that are right, and what is wrong with the others. */
export interface ReadValues<Schema extends Readonly<Record<string, Setting<unknown>>>> {
  readonly found: Partial<ValuesOf<Schema>>;
  readonly problems: readonly SettingProblem[];
}

/**
 * Reads the settings of a schema.
 *
 * @param lookUp gives the text of a setting; undefined, null and blank mean "not set". Space around it is dropped:
 *   it comes from pasting, no setting can want it.
 */
export function readValues<const Schema extends Readonly<Record<string, Setting<unknown>>>>(
  schema: Schema,
  lookUp: (name: keyof Schema & string) => string | null | undefined,
): ReadValues<Schema> {
  const problems: SettingProblem[] = [];
  const look = (name: string) => lookUp(name)?.trim() ?? '';
  const secrets = Object.keys(schema)
    .filter((name) => schema[name]?.secret === true)
    .map(look)
    // The longest first: a token may hold the access key.
    .sort((a, b) => b.length - a.length);
  const found: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(schema)) {
    const result = readSetting(name, setting, look(name), (text) => hideSecrets(text, secrets));
    if ('value' in result) found[name] = result.value;
    else problems.push(result);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each came from its own parser
  return { found: found as Partial<ValuesOf<Schema>>, problems };
}

function readSetting(
  name: string,
  setting: Setting<unknown>,
  text: string,
  hide: (text: string) => string,
): { readonly value: unknown } | SettingProblem {
  if (text === '') {
    return setting.needed === true
      ? { setting: name, expected: setting.meaning, found: 'nothing' }
      : { value: setting.otherwise };
  }
  const parsed = setting.parse(text);
  if ('value' in parsed) return parsed;
  const found = setting.secret === true ? `a value of ${text.length} characters` : JSON.stringify(hide(text));
  return { setting: name, expected: parsed.expected, found };
}

/** A secret in the wrong place is still a secret: pasted into another setting, or as the password of an address. */
function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((hidden, secret) => hidden.replaceAll(secret, '[secret]'), text)
    .replace(/\/\/[^/]*@/, '//[secret]@');
}

/** A key or a token, which nothing prints. */
export function parseSecret(text: string): ReturnType<Parse<Secret>> {
  // What is not printable ASCII cannot stand in an HTTP header; it comes from pasting too much.
  return /^[\x21-\x7e]+$/.test(text)
    ? { value: new Secret(text) }
    : { expected: 'printable ASCII characters without spaces' };
}

/** Entries between commas. */
export function parseList(text: string): ReturnType<Parse<readonly string[]>> {
  const entries = text.split(',').map((entry) => entry.trim());
  // An empty entry would match every name.
  return entries.includes('')
    ? { expected: 'entries separated by single commas, none empty' }
    : { value: entries };
}

/** A text that looks as it must. */
export function matching(pattern: RegExp, expected: string): Parse<string> {
  return (text) => (pattern.test(text) ? { value: text } : { expected });
}

/** One of a few words. */
export function oneOf<const Choice extends string>(...choices: Choice[]): Parse<Choice> {
  return (text) => {
    const value = choices.find((choice) => choice === text);
    return value === undefined ? { expected: choices.map((c) => `"${c}"`).join(' or ') } : { value };
  };
}

/** A whole number between two. */
export function wholeNumber(least: number, most: number): Parse<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most
      ? { value }
      : { expected: `a whole number from ${least} to ${most}` };
  };
}

const unitsMs = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Minutes, hours or days; the value is in milliseconds. */
export function parseDuration(text: string): ReturnType<Parse<number>> {
  const [, count, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  return count !== undefined && (unit === 'm' || unit === 'h' || unit === 'd')
    ? { value: Number(count) * unitsMs[unit] }
    : { expected: 'a number of minutes, hours or days, such as "90m", "12h" or "30d"' };
}
