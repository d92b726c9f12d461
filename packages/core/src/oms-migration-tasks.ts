import { readFields, readNumber, readText, unexpectedAnswer } from './oms-answer.ts';
import { OmsConnection } from './oms-connection.ts';
import type { Secret } from './secret.ts';
import type { Credentials } from './settings.ts';

/** With what OMS reads the source: keys, or what Azure and Google have in their place. */
export type SourceAccess =
  | Credentials
  /** Of an Azure storage account. */
  | { readonly connectionString: Secret }
  /** The text of the JSON file of a Google service account. */
  | { readonly jsonAuth: Secret };

/** A migration task to be created. OMS gets the keys in the body of the request; they are never logged. */
export interface NewMigrationTask {
  readonly source: {
    /** `AWS`, `Azure`, `Google`, `HuaweiCloud`, … */
    readonly cloud: string;
    readonly region: string;
    readonly bucket: string;
    readonly access: SourceAccess;
  };
  /** In OBS. */
  readonly destination: {
    readonly region: string;
    readonly bucket: string;
    readonly credentials: Credentials;
  };
  readonly objects: MigratedObjects;
  /** Up to 255 characters, none of `^<>&"'`. */
  readonly description: string;
  /** Only objects that changed after this, in milliseconds since 1970. */
  readonly since?: number | undefined;
}

/** Which objects a migration task is about. */
export type MigratedObjects =
  /** Those of a list file in OBS, in the destination's region: `.txt`, `text/plain`, one URL-encoded name a line. */
  | { readonly type: 'list'; readonly bucket: string; readonly key: string }
  /** Those whose names begin with one of these; `''` is all of the bucket. */
  | { readonly type: 'prefix'; readonly prefixes: readonly string[] }
  /** These; a name that ends in `/` is a folder with all that is in it. */
  | { readonly type: 'object'; readonly names: readonly string[] };

const states = ['waiting', 'running', 'paused', 'failed', 'succeeded', 'retrying', 'pausing'] as const;

/** A migration task and how far it is. Undefined is what OMS left out. */
export interface MigrationTask {
  readonly id: string;
  /** `unknown` for a number that OMS's documentation does not have. */
  readonly state: (typeof states)[number] | 'unknown';
  readonly name: string | undefined;
  /** From 0 to 1. */
  readonly progress: number | undefined;
  /** Objects. */
  readonly total: number | undefined;
  readonly succeeded: number | undefined;
  readonly failed: number | undefined;
  /** Left as they were: the destination has them already. */
  readonly skipped: number | undefined;
  readonly bytes: number | undefined;
  /** Why it failed. */
  readonly error: { readonly code: string | undefined; readonly message: string | undefined } | undefined;
  /** The key of OMS's list of what it could not copy, in the destination bucket. */
  readonly failedListKey: string | undefined;
}

/** Does nothing more become of a task in this state by itself? */
export function isFinal({ state }: Pick<MigrationTask, 'state'>): boolean {
  return state === 'paused' || state === 'failed' || state === 'succeeded';
}

/**
 * Migration tasks of OMS: they copy what a list or a prefix says, once.
 * Source of the calls and their fields: OMS API Reference, CreateTask and ShowTask.
 */
export class OmsMigrationTasks {
  readonly #tasksUrl: URL;
  readonly #connection: OmsConnection;

  /**
   * @param options.syncUrl names OMS and the project.
   * @param options.secrets the keys of the buckets: should OMS repeat one in a message, it is hidden.
   */
  constructor(options: {
    readonly syncUrl: URL;
    readonly credentials: Credentials;
    readonly secrets: readonly Secret[];
    readonly now?: () => number;
  }) {
    this.#tasksUrl = new URL(options.syncUrl);
    this.#tasksUrl.pathname = this.#tasksUrl.pathname.replace(/\/sync-tasks\/.*$/, '/tasks');
    this.#connection = new OmsConnection({ ...options, protocol: options.syncUrl.protocol });
  }

  /**
   * Creates a task; OMS starts it by itself. Not to be tried again blindly: each call is a task.
   * Needs the permission `oms:task:create`.
   *
   * @returns its id.
   * @throws {OmsError} and nothing else.
   */
  async createTask(task: NewMigrationTask, timeoutMs: number): Promise<string> {
    const body = JSON.stringify(toBody(task));
    const answer = await this.#connection.call({ method: 'POST', url: this.#tasksUrl, body, timeoutMs });
    return readId(readFields(answer, 'a migration task'));
  }

  /**
   * Asks how far a task is. Needs the permission `oms:task:get`.
   *
   * @throws {OmsError} and nothing else.
   */
  async showTask(id: string, timeoutMs: number): Promise<MigrationTask> {
    const url = new URL(this.#tasksUrl);
    url.pathname += `/${id}`;
    return readTask(await this.#connection.call({ method: 'GET', url, body: '', timeoutMs }), id);
  }

  /** Closes the connections; what is under way fails. */
  close(): void {
    this.#connection.close();
  }
}

/** The secrets of what a source is read with. */
export function secretsOf(access: SourceAccess): readonly Secret[] {
  if ('connectionString' in access) return [access.connectionString];
  if ('jsonAuth' in access) return [access.jsonAuth];
  const { accessKey, secretKey, securityToken } = access;
  return [accessKey, secretKey, ...(securityToken === undefined ? [] : [securityToken])];
}

function toBody({ source, destination, objects, description, since }: NewMigrationTask): unknown {
  return {
    task_type: objects.type,
    src_node: {
      cloud_type: source.cloud,
      region: source.region,
      bucket: source.bucket,
      ...toAccessFields(source.access),
      ...(objects.type === 'list' && {
        list_file: { obs_bucket: objects.bucket, list_file_key: objects.key },
      }),
      ...(objects.type === 'prefix' && { object_key: objects.prefixes }),
      ...(objects.type === 'object' && { object_key: objects.names }),
    },
    dst_node: {
      region: destination.region,
      bucket: destination.bucket,
      ...toAccessFields(destination.credentials),
    },
    description,
    enable_failed_object_recording: true,
    // In seconds, unlike every other time of this API.
    ...(since !== undefined && { migrate_since: Math.floor(since / 1000) }),
  };
}

function toAccessFields(access: SourceAccess): Record<string, string | undefined> {
  if ('connectionString' in access) return { connection_string: access.connectionString.reveal() };
  if ('jsonAuth' in access) return { json_auth_file: access.jsonAuth.reveal() };
  return {
    ak: access.accessKey.reveal(),
    sk: access.secretKey.reveal(),
    security_token: access.securityToken?.reveal(),
  };
}

type Fields = ReadonlyMap<string, unknown>;

/** Ids are 64-bit numbers; JSON.parse rounds one beyond 2^53, and a rounded one is that of another task. */
function readId(fields: Fields): string {
  const id = readNumber(fields, 'id');
  if (id === undefined || !Number.isSafeInteger(id))
    throw unexpectedAnswer('no id of a task that can be used');
  return String(id);
}

function readTask(value: unknown, id: string): MigrationTask {
  const fields = readFields(value, 'a migration task');
  const reason = readOptionalFields(fields, 'error_reason');
  const failedList = readOptionalFields(fields, 'failed_object_record');
  return {
    id,
    state: states[(readNumber(fields, 'status') ?? 0) - 1] ?? 'unknown',
    name: readText(fields, 'name'),
    progress: readNumber(fields, 'progress'),
    total: readNumber(fields, 'total_num'),
    succeeded: readNumber(fields, 'successful_num'),
    failed: readNumber(fields, 'failed_num'),
    skipped: readNumber(fields, 'skipped_num'),
    bytes: readNumber(fields, 'complete_size'),
    error: reason && { code: readText(reason, 'error_code'), message: readText(reason, 'error_msg') },
    failedListKey: failedList && readText(failedList, 'list_file_key'),
  };
}

function readOptionalFields(fields: Fields, name: string): Fields | undefined {
  const value = fields.get(name) ?? undefined;
  return value === undefined ? undefined : readFields(value, name);
}
