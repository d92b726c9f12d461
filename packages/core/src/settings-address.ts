import { fileURLToPath } from 'node:url';

/** Where the lists live, as `log_bucket` says. `prefix` is empty or ends in `/`. */
export type LogBucketAddress =
  | { readonly store: 'obs' | 's3' | 'gs'; readonly bucket: string; readonly prefix: string }
  | { readonly store: 'az'; readonly account: string; readonly container: string; readonly prefix: string }
  | { readonly store: 'file'; readonly folder: string; readonly prefix: '' };

/** A checked `sync_url`: which task it names, if any, and the whole address for a task. */
export interface SyncAddress {
  readonly taskId: string | undefined;
  complete(taskId: string): URL;
}

type Parsed<Value> = { readonly value: Value } | { readonly expected: string };

const httpsOnly = 'https (http is accepted for this machine only)';

/** `…/v2/{project_id}/sync-tasks`, `…/sync-tasks/{id}` or `…/sync-tasks/{id}/events`. */
const syncPath =
  /^(?<tasks>.*\/v2\/(?!sync-tasks)[\w-]+\/sync-tasks)(?:\/(?<taskId>(?!events$)[\w-]+)(?:\/events)?)?$/;

/** Reads `sync_url`. Source of its form: OMS API Reference, CreateSyncEvents. */
export function parseSyncUrl(text: string): Parsed<SyncAddress> {
  const url = parseHttpUrl(text);
  if (url === undefined) {
    return {
      expected: `an address https://{OMS endpoint}/v2/{project_id}/sync-tasks/{sync_task_id}/events, ${httpsOnly}`,
    };
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/(\/v2\/(?!sync-tasks)[\w-]+)$/, '$1/sync-tasks');
  const { tasks, taskId } = syncPath.exec(path)?.groups ?? {};
  if (tasks === undefined) {
    return {
      expected:
        'a path /v2/{project_id}/sync-tasks/{sync_task_id}/events, or the beginning of it with the project',
    };
  }
  const complete = (id: string) => {
    const address = new URL(url);
    address.pathname = `${tasks}/${id}/events`;
    return address;
  };
  return { value: { taskId, complete } };
}

/** Reads `log_bucket`: a plain name is an OBS bucket, a URL picks the store. */
export function parseLogBucket(text: string): Parsed<LogBucketAddress> {
  const [, scheme, rest = ''] = /^([a-z0-9]+):\/\/(.*)$/s.exec(text) ?? [undefined, 'obs', text];
  const expected =
    'a bucket name, or obs://bucket, s3://bucket, az://account/container, gs://bucket or file:///folder, each with an optional /prefix';
  if (scheme === undefined || (rest.includes('/') && rest === text)) return { expected };
  if (scheme === 'file') {
    const folder = parseFileUrl(text);
    return folder === undefined ? { expected } : { value: { store: 'file', folder, prefix: '' } };
  }
  const [bucket = '', ...path] = rest.split('/');
  if (!/^[a-z0-9][a-z0-9._-]{1,221}$/.test(bucket)) return { expected };
  switch (scheme) {
    case 'obs':
    case 's3':
    case 'gs':
      return { value: { store: scheme, bucket, prefix: asPrefix(path) } };
    case 'az': {
      const [container = '', ...prefix] = path;
      return /^[a-z0-9$][a-z0-9-]{2,62}$/.test(container)
        ? { value: { store: 'az', account: bucket, container, prefix: asPrefix(prefix) } }
        : { expected };
    }
    default:
      return { expected };
  }
}

/** Reads `obs_endpoint`: a domain name, with or without `https://`. */
export function parseStoreEndpoint(text: string): Parsed<URL> {
  const url = parseHttpUrl(text.includes('://') ? text : `https://${text}`);
  return url !== undefined && url.pathname === '/'
    ? { value: url }
    : { expected: `a domain name such as obs.cn-north-4.myhuaweicloud.com, ${httpsOnly}` };
}

/** Does the address lead back to this machine? Only then may it be plain http. */
export function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

function parseFileUrl(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.hash !== '' || url.search !== '' ? undefined : fileURLToPath(url);
  } catch {
    return undefined; // No URL, or a host in it, or an escaped slash: the caller says what was expected.
  }
}

function parseHttpUrl(text: string): URL | undefined {
  let url;
  try {
    url = new URL(text);
  } catch {
    return undefined; // The caller says what was expected.
  }
  const allowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  return allowed && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
    ? url
    : undefined;
}

function asPrefix(parts: readonly string[]): string {
  const path = parts.join('/').replace(/^\/+|\/+$/g, '');
  return path === '' ? '' : `${path}/`;
}
