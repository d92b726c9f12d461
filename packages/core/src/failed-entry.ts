import { isObjectName } from './object-name.ts';

/** An entry of the failed list, or of the parked one. Only its name is sure to be there: others may have written it. */
export interface FailedObject {
  /** The object's name; of an entry that holds none, the text that stands there instead. */
  readonly name: string;
  /** False for what is no name at all: it cannot be requested. */
  readonly isName: boolean;
  readonly store: string | undefined;
  readonly bucket: string | undefined;
  /** The task that did not take it. */
  readonly syncTaskId: string | undefined;
  /** When it came on the list first, ISO 8601; where the entry does not say, when its log object was written. */
  readonly recordedAt: string;
  /** How many requests held its name. */
  readonly attempts: number;
  readonly eventTime: string | undefined;
  readonly eventId: string | undefined;
  /** Why it is on the list: the class of the reason, the error code and the message. */
  readonly reasonClass: string | undefined;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  /** Its entry: a line of JSON, or for what is no name whatever stands there. */
  readonly line: string;
}

/**
 * Reads the log object of one source object.
 *
 * @param name that its key has, if the key has it.
 * @returns undefined when neither key nor body hold a name.
 */
export function readLogObject(
  body: string,
  name: string | undefined,
  lastModified: Date,
): FailedObject | undefined {
  const fields = parseFields(body);
  const trueName = name ?? fields?.entry.name;
  return trueName === undefined ? undefined : toObject(fields ?? { entry: {} }, trueName, lastModified);
}

/** Reads the log object of what is no name. */
export function readInvalidObject(body: string, lastModified: Date): FailedObject {
  return toNameless(body.trim(), parseFields(body), lastModified);
}

/** The content of a file of a list. */
export interface ListFileContent {
  /** It is no file of ours, but the log object of a source object that is called like one. */
  readonly isLogObject: boolean;
  readonly entries: readonly FailedObject[];
}

/** Reads a file of a list: `.jsonl` with reasons, or `.txt` with URL-encoded names. `name` is its key on the list. */
export function readListFile(
  body: string,
  { name, extension }: { readonly name: string; readonly extension: 'jsonl' | 'txt' },
  lastModified: Date,
): ListFileContent {
  const single = parseFields(body);
  if (single?.entry.name === name)
    return { isLogObject: true, entries: [toObject(single, name, lastModified)] };
  const lines = body.split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => {
    const fields = extension === 'txt' ? parseListLine(line) : parseFields(line);
    return fields?.entry.name === undefined
      ? toNameless(line, fields, lastModified)
      : toObject(fields, fields.entry.name, lastModified);
  });
  return { isLogObject: false, entries };
}

interface Fields {
  readonly entry: Partial<FailedObject>;
  readonly invalidName?: string | undefined;
}

/** Reads an entry; undefined for what is none. Fields of another type count as missing. */
function parseFields(text: string): Fields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // The template's log objects hold something else, and their names are their keys.
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(Object.entries(value));
  const getText = (field: string) => {
    const member: unknown = fields.get(field);
    return typeof member === 'string' ? member : undefined;
  };
  const name = getText('name');
  const recordedAt = getText('first_recorded_at') ?? getText('recorded_at');
  const attempts: unknown = fields.get('attempts');
  return {
    invalidName: getText('invalid_name'),
    entry: {
      ...(name !== undefined && isObjectName(name) && { name }),
      store: getText('source_store'),
      bucket: getText('source_bucket'),
      syncTaskId: getText('sync_task_id'),
      ...(recordedAt !== undefined && { recordedAt }),
      attempts: typeof attempts === 'number' && Number.isSafeInteger(attempts) ? attempts : 0,
      eventTime: getText('event_time'),
      eventId: getText('event_id'),
      reasonClass: getText('reason_class'),
      errorCode: getText('error_code'),
      errorMessage: getText('error_message'),
      line: JSON.stringify(value),
    },
  };
}

/** Reads a line of a file that is made for OMS: a URL-encoded name. */
function parseListLine(line: string): Fields | undefined {
  try {
    return { entry: { name: decodeURIComponent(line) } };
  } catch {
    return undefined; // A broken escape: no name.
  }
}

function toObject({ entry }: Fields, name: string, lastModified: Date): FailedObject {
  const recordedAt = entry.recordedAt ?? lastModified.toISOString();
  const line = entry.name === name ? entry.line : undefined;
  return {
    ...unknown,
    ...entry,
    name,
    isName: true,
    recordedAt,
    line: line ?? JSON.stringify({ name, recorded_at: recordedAt }),
  };
}

function toNameless(line: string, fields: Fields | undefined, lastModified: Date): FailedObject {
  const { invalidName, entry = {} } = fields ?? {};
  return {
    ...unknown,
    ...entry,
    name: invalidName ?? line,
    isName: false,
    recordedAt: entry.recordedAt ?? lastModified.toISOString(),
    reasonClass: entry.reasonClass ?? 'invalid',
    line,
  };
}

const unknown = {
  store: undefined,
  bucket: undefined,
  syncTaskId: undefined,
  attempts: 0,
  eventTime: undefined,
  eventId: undefined,
  reasonClass: undefined,
  errorCode: undefined,
  errorMessage: undefined,
} as const;
