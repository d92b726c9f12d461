import { invalid, Refusal } from './answers.ts';
import { decodeObjectName, decodeUtf8 } from './object-names.ts';
import { overwriteModes, type SyncTaskDetails } from './sync-tasks.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const cloudTypes = [
  'Aliyun',
  'AWS',
  'Azure',
  'Tencent',
  'HuaweiCloud',
  'QingCloud',
  'KingsoftCloud',
  'Baidu',
  'Qiniu',
  'UCloud',
] as const;
export const storagePolicies = ['STANDARD', 'IA', 'ARCHIVE', 'DEEP_ARCHIVE', 'SRC_STORAGE_MAPPING'] as const;
const consistencyChecks = ['size_last_modified', 'crc64', 'transmission', 'no_check'] as const;

const maxNames = 10;
const maxNameLength = 16_384;

/** A bucket is a folder of that name here, so nothing else may stand in it. */
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** The names in the body of a CreateSyncEvents request, as they came and as they are meant. */
export interface EventNames {
  readonly rawKeys: string[];
  readonly names: string[];
}

/** Reads the body of CreateSyncEvents. */
export function parseEvents(body: Buffer): EventNames {
  const fields = parseObject(body);
  const other = Object.keys(fields).find((name) => name !== 'object_keys');
  if (other !== undefined) throw invalid('object_keys is the only field');
  const keys = fields['object_keys'];
  if (!Array.isArray(keys)) throw invalid('object_keys must be an array');
  if (keys.length < 1 || keys.length > maxNames) throw invalid(`object_keys holds 1 to ${maxNames} names`);
  const rawKeys: string[] = [];
  const names: string[] = [];
  for (const [index, key] of keys.entries()) {
    if (typeof key !== 'string' || key.length < 1 || key.length > maxNameLength) {
      throw invalid(`object_keys[${index}] must be a text of 1 to ${maxNameLength} characters`);
    }
    const name = decodeObjectName(key);
    if (name === undefined) throw invalid(`object_keys[${index}] is not a URL-encoded UTF-8 name`);
    rawKeys.push(key);
    names.push(name);
  }
  return { rawKeys, names };
}

/** Reads the body of CreateSyncTask. */
export function parseTask(body: Buffer): SyncTaskDetails {
  const fields = parseObject(body);
  requireKeys(fields);
  return taskDetails(fields);
}

/** Checks the fields that describe a task; those left out get OMS's defaults. */
export function taskDetails(fields: Fields): SyncTaskDetails {
  const description = text(fields, 'description', 255, '');
  if (/[<>()"'&]/.test(description)) throw invalid('description must not hold any of <>()"\'&');
  return {
    src_cloud_type: oneOf(fields, 'src_cloud_type', cloudTypes),
    src_region: text(fields, 'src_region', 100),
    src_bucket: bucket(fields, 'src_bucket'),
    dst_region: text(fields, 'dst_region', 100),
    dst_bucket: bucket(fields, 'dst_bucket'),
    description,
    enable_kms: flag(fields, 'enable_kms'),
    enable_metadata_migration: flag(fields, 'enable_metadata_migration'),
    enable_restore: flag(fields, 'enable_restore'),
    app_id: text(fields, 'app_id', 255, ''),
    object_overwrite_mode: oneOf(fields, 'object_overwrite_mode', overwriteModes),
    dst_storage_policy: oneOf(fields, 'dst_storage_policy', storagePolicies),
    consistency_check: oneOf(fields, 'consistency_check', consistencyChecks),
  };
}

/** Checks the body of StartSyncTask: OMS forgets the buckets' keys when a task stops. */
export function checkStart(body: Buffer): void {
  requireKeys(parseObject(body));
}

function requireKeys(fields: Fields): void {
  for (const name of ['src_ak', 'src_sk', 'dst_ak', 'dst_sk']) text(fields, name, 100);
}

export function parseObject(body: Buffer): Fields {
  const fields = parseJson(body);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw invalid('the body must be a JSON object');
  }
  return { ...fields };
}

function parseJson(body: Buffer): unknown {
  const notJson = () => new Refusal(400, 'OMS.0067', 'The request body is not JSON');
  const content = decodeUtf8(body);
  if (content === undefined) throw notJson();
  try {
    return JSON.parse(content);
  } catch {
    throw notJson(); // Without the parser's words: they quote the body, which may hold keys.
  }
}

export function text(fields: Fields, name: string, maxLength: number, otherwise?: string): string {
  const value = fields[name] ?? otherwise;
  if (typeof value !== 'string' || value.length > maxLength || (value === '' && otherwise === undefined)) {
    throw invalid(`${name} must be a text of ${otherwise === undefined ? 1 : 0} to ${maxLength} characters`);
  }
  return value;
}

export function bucket(fields: Fields, name: string): string {
  const value = text(fields, name, 1024);
  if (!bucketForm.test(value)) {
    throw invalid(`${name} must be 3 to 63 lower-case letters, digits, hyphens and dots`);
  }
  return value;
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(`${name} must be true or false`);
  return value;
}

/** The first of the choices is the default. */
export function oneOf<const Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const value = fields[name] ?? choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw invalid(`${name} must be one of ${choices.join(', ')}`);
  return found;
}
