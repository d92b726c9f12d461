import { isUtf8 } from 'node:buffer';
import type { KnownRecord } from '../delivery.ts';
import type { PgoutputMessage, RawValue, Relation } from './pgoutput.ts';
import {
  findColumns,
  mapRow,
  UnknownColumnError,
  type ColumnValue,
  type TableMapping,
} from './table-mapping.ts';

type RowMessage = Extract<PgoutputMessage, { kind: 'insert' | 'update' }>;
type Origin = Parameters<typeof mapRow>[3];

/** Turns rows of the stream into records, by the mapping of their table. */
export class ReplicationRows {
  readonly #mappings: ReadonlyMap<string, TableMapping>;

  constructor(mappings: readonly TableMapping[]) {
    this.#mappings = new Map(mappings.map((mapping) => [`${mapping.schema}.${mapping.table}`, mapping]));
  }

  /** What the mapping of this table needs and the table does not have: after a renamed column. */
  findLack(relation: Relation): readonly string[] {
    const mapping = this.#mappings.get(pathOf(relation));
    const has = new Set(relation.columns.map(({ name }) => name));
    return mapping === undefined ? [] : findColumns(mapping).filter((column) => !has.has(column));
  }

  toRecord(message: RowMessage, origin: Origin): KnownRecord {
    const { relation, values } = message;
    const before = message.kind === 'update' ? message.before : [];
    const mapping = this.#mappings.get(pathOf(relation));
    if (mapping === undefined) return ignore('table not in postgres_tables', origin);
    const read = (column: string): ColumnValue => {
      const index = relation.columns.findIndex(({ name }) => name === column);
      if (index < 0) throw new UnknownColumnError(column);
      const value = values[index] === undefined ? before[index] : values[index];
      return toText(value);
    };
    const record = mapRow(mapping, { read }, () => describeRow(relation, values, before), origin);
    if (record.kind !== 'created' || !record.name.includes(notUtf8)) return record;
    const { store, bucket } = record;
    const reason = `${pathOf(relation)}: the text of a column is not UTF-8`;
    return { kind: 'invalid', text: describeRow(relation, values, before), reason, store, bucket, ...origin };
  }

  /** A change that needs no synchronization; it is counted. */
  ignore(reason: 'delete' | 'truncate', origin: Origin): KnownRecord {
    return ignore(reason, origin);
  }
}

function ignore(reason: string, origin: Origin): KnownRecord {
  return { kind: 'ignored', reason, store: undefined, bucket: undefined, ...origin };
}

function pathOf({ schema, table }: Relation): string {
  return `${schema}.${table}`;
}

/** No text of a database holds U+0000, so this one marks what is no text. */
const notUtf8 = '\u0000';

/** A database in SQL_ASCII sends whatever bytes it has. */
function toText(value: RawValue): ColumnValue {
  if (value === null || value === undefined) return value;
  return isUtf8(value) ? value.toString('utf8') : notUtf8;
}

/** With REPLICA IDENTITY FULL the key is the whole row. */
const maxKeyLength = 200;

/** Says which row it is, by its key: `public.files (id=5)`. */
function describeRow(relation: Relation, values: readonly RawValue[], before: readonly RawValue[]): string {
  const key = relation.columns.flatMap(({ name, isKey }, index) => {
    const value = isKey ? toText(values[index] ?? before[index]) : undefined;
    return value === undefined || value === null ? [] : [`${name}=${cut(value)}`];
  });
  return `${pathOf(relation)} (${key.length === 0 ? 'no key' : cut(key.join(', '))})`;
}

/** Not within a character. */
function cut(text: string): string {
  return text.slice(0, maxKeyLength).replace(/[\uD800-\uDBFF]$/, '');
}
