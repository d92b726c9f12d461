import type { KnownRecord } from '../delivery.ts';

// `postgres_tables`: which table holds the names of objects, and how a row becomes one.
//
//   public.files: obs://{bucket}/{folder}/{name}; public.photos: photos/{id}.jpg

/** The value of a column of a row; null is NULL, undefined is "not sent" (an unchanged TOASTed value). */
export type ColumnValue = string | null | undefined;

/** A row as a mapping sees it. */
export interface Row {
  /** @throws {UnknownColumnError} */
  readonly read: (column: string) => ColumnValue;
}

/** A mapping names a column that the table does not have (any more). */
export class UnknownColumnError extends Error {
  override readonly name = 'UnknownColumnError';
  readonly column: string;

  constructor(column: string) {
    super(`there is no column "${column}"`);
    this.column = column;
  }
}

/** A piece of a template: a text as it is, or a column, which must have a certain value if `equals` is there. */
type Part = { readonly text: string } | { readonly column: string; readonly equals: string | undefined };

export interface TableMapping {
  readonly schema: string;
  readonly table: string;
  /** As in records: `obs`, `s3`, `az`, `gs`; undefined if the template is a name only. */
  readonly store: string | undefined;
  readonly bucket: readonly Part[] | undefined;
  readonly name: readonly Part[];
}

const expected =
  'tables and templates, such as "public.files: obs://{bucket}/{folder}/{name}; public.photos: {name}"';

/** Reads the setting `postgres_tables`. */
export function parseTableMappings(
  text: string,
): { readonly value: readonly TableMapping[] } | { readonly expected: string } {
  const mappings: TableMapping[] = [];
  // A doubled semicolon is one, as a character of a name.
  for (const entry of text.split(/(?<!;);(?!;)/)) {
    if (entry.trim() === '') continue;
    const mapping = parseMapping(entry.replaceAll(';;', ';'));
    if (mapping === undefined) return { expected };
    if (mappings.some(({ schema, table }) => schema === mapping.schema && table === mapping.table)) {
      return { expected: `each table once, but ${mapping.schema}.${mapping.table} is there twice` };
    }
    mappings.push(mapping);
  }
  return mappings.length === 0 ? { expected } : { value: mappings };
}

function parseMapping(entry: string): TableMapping | undefined {
  const [, path = '', template = ''] = /^\s*([^:{}]+?)\s*:\s*(.+?)\s*$/s.exec(entry) ?? [];
  const dot = path.indexOf('.');
  const schema = dot < 0 ? 'public' : path.slice(0, dot);
  const table = path.slice(dot + 1);
  const [, store, place] = /^(obs|s3|az|gs):\/\/(.*)$/s.exec(template) ?? [];
  const parts = parseTemplate(place ?? template);
  if (schema === '' || table === '' || parts === undefined) return undefined;
  if (store === undefined)
    return hasColumn(parts) ? { schema, table, store, bucket: undefined, name: parts } : undefined;
  // The bucket of Azure is account/container.
  const split = splitAtSlash(parts, store === 'az' ? 2 : 1);
  if (split === undefined || split.bucket.length === 0 || !hasColumn(split.name)) return undefined;
  return { schema, table, store, ...split };
}

/** Braces stand around columns; doubled ones are themselves. */
function parseTemplate(template: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (const [piece, column, equals] of template.matchAll(
    /\{\{|\}\}|\{([^{}=]+)(?:=([^{}]*))?\}|[{}]|[^{}]+/g,
  )) {
    if (piece === '{' || piece === '}') return undefined;
    if (column !== undefined) parts.push({ column, equals });
    else parts.push({ text: piece === '{{' ? '{' : piece === '}}' ? '}' : piece });
  }
  return parts;
}

/** A name that is the same for all rows is a mistake. */
function hasColumn(parts: readonly Part[]): boolean {
  return parts.some((part) => 'column' in part);
}

/** Divides a template at the given slash of its own text: one in the value of a column does not count. */
function splitAtSlash(
  parts: readonly Part[],
  count: number,
): { readonly bucket: readonly Part[]; readonly name: readonly Part[] } | undefined {
  let left = count;
  for (const [index, part] of parts.entries()) {
    if (!('text' in part)) continue;
    for (let at = part.text.indexOf('/'); at >= 0; at = part.text.indexOf('/', at + 1)) {
      if (--left > 0) continue;
      const [before, after] = [part.text.slice(0, at), part.text.slice(at + 1)];
      return {
        bucket: [...parts.slice(0, index), ...(before === '' ? [] : [{ text: before }])],
        name: [...(after === '' ? [] : [{ text: after }]), ...parts.slice(index + 1)],
      };
    }
  }
  return undefined;
}

/** All columns that a mapping needs. */
export function findColumns({ bucket = [], name }: TableMapping): readonly string[] {
  const columns = [...bucket, ...name].flatMap((part) => ('column' in part ? [part.column] : []));
  return [...new Set(columns)];
}

/** Why a row gives no name. */
class BadRowError extends Error {}
/** The mapping asks for other rows. */
const notSelected = Symbol('not selected');

/**
 * Turns a row into a record. One that gives no name becomes a bad record, and goes on the failed list with the reason.
 *
 * @param describe says which row it is, for that list.
 */
export function mapRow(
  mapping: TableMapping,
  row: Row,
  describe: () => string,
  origin: { readonly eventTime?: string | undefined; readonly eventId?: string | undefined },
): KnownRecord {
  const { store } = mapping;
  try {
    const bucket = mapping.bucket && fill(mapping.bucket, row);
    const name = bucket === notSelected ? bucket : fill(mapping.name, row);
    if (bucket === notSelected || name === notSelected) {
      return { kind: 'ignored', reason: 'row not selected', store, bucket: undefined, ...origin };
    }
    return { kind: 'created', name, store, bucket, ...origin };
  } catch (error) {
    if (!(error instanceof BadRowError || error instanceof UnknownColumnError)) throw error;
    const reason = `${mapping.schema}.${mapping.table}: ${error.message}`;
    return { kind: 'invalid', text: describe(), reason, store, bucket: undefined, ...origin };
  }
}

function fill(parts: readonly Part[], { read }: Row): string | typeof notSelected {
  let filled = '';
  for (const part of parts) {
    if ('text' in part) {
      filled += part.text;
      continue;
    }
    const value = read(part.column);
    if (part.equals !== undefined && value !== undefined && value !== part.equals) return notSelected;
    if (value === null) throw new BadRowError(`column "${part.column}" is NULL`);
    if (value === undefined) {
      throw new BadRowError(
        `the update does not carry the column "${part.column}" (TOASTed and unchanged): ALTER TABLE … REPLICA IDENTITY FULL`,
      );
    }
    filled += value;
  }
  return filled;
}
