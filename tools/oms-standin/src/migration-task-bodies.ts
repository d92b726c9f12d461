import { invalid } from './answers.ts';
import { overwriteModes, type OverwriteMode } from './sync-tasks.ts';
import { bucket, cloudTypes, oneOf, parseObject, text, type Fields } from './task-bodies.ts';

/** Which objects a migration task is about. */
export type MigratedObjects =
  | { readonly type: 'list'; readonly listBucket: string; readonly listKey: string }
  /** Names that are objects, or folders where they end in `/`; or prefixes. */
  | { readonly type: 'object' | 'prefix'; readonly keys: readonly string[] };

/** What a migration task is created from, without the keys of the buckets: nothing here needs them. */
export interface MigrationTaskDetails {
  readonly objects: MigratedObjects;
  readonly cloudType: string;
  readonly sourceBucket: string;
  readonly destinationBucket: string;
  readonly description: string;
  /** In seconds since 1970; 0 for no limit. */
  readonly migrateSince: number;
  readonly object_overwrite_mode: OverwriteMode;
}

const sourceTypes = [...cloudTypes, 'Google'] as const;
const maxKeyLength = 1024;

/** Reads the body of CreateTask. */
export function parseMigrationTask(body: Buffer): MigrationTaskDetails {
  const fields = parseObject(body);
  const type = oneOf(fields, 'task_type', ['object', 'list', 'prefix'] as const);
  const source = part(fields, 'src_node');
  const destination = part(fields, 'dst_node');
  const cloudType = oneOf(source, 'cloud_type', ['Aliyun', ...sourceTypes]);
  checkSourceKeys(source, cloudType);
  for (const name of ['ak', 'sk']) text(destination, name, 100);
  text(destination, 'region', 100);
  const description = text(fields, 'description', 255, '');
  if (/[\^<>&"']/.test(description)) throw invalid('description must not hold any of ^<>&"\'');
  return {
    objects: type === 'list' ? readListFile(source) : { type, keys: readKeys(source) },
    cloudType,
    sourceBucket: bucket(source, 'bucket'),
    destinationBucket: bucket(destination, 'bucket'),
    description,
    migrateSince: readSeconds(fields, 'migrate_since'),
    object_overwrite_mode: oneOf(fields, 'object_overwrite_mode', overwriteModes),
  };
}

function checkSourceKeys(source: Fields, cloudType: string): void {
  if (cloudType === 'Azure') {
    text(source, 'connection_string', 512);
  } else if (cloudType === 'Google') {
    text(source, 'json_auth_file', 65_535);
  } else {
    for (const name of ['region', 'ak', 'sk']) text(source, name, 100);
  }
}

function readListFile(source: Fields): MigratedObjects {
  const file = part(source, 'list_file');
  return {
    type: 'list',
    listBucket: bucket(file, 'obs_bucket'),
    listKey: text(file, 'list_file_key', maxKeyLength),
  };
}

function readKeys(source: Fields): readonly string[] {
  const keys = source['object_key'];
  if (!Array.isArray(keys) || keys.length === 0) throw invalid('object_key must be an array of texts');
  return keys.map((key: unknown) => {
    if (typeof key !== 'string' || key.length > maxKeyLength) {
      throw invalid(`object_key must hold texts of up to ${maxKeyLength} characters`);
    }
    return key;
  });
}

function readSeconds(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 9_999_999_999) {
    throw invalid(`${name} must be a time in seconds`);
  }
  return value;
}

function part(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${name} must be an object`);
  }
  return { ...value };
}
