// The messages of logical replication by pgoutput, protocol version 1.
// Source: https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html
//
// Not the parser of pg-logical-replication (2.5.0): it drops a U+FEFF in front of a text, and turns numbers and dates
// into those of JavaScript.

/** A table as it was when the rows behind this message were written. */
export interface Relation {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly isKey: boolean }[];
}

/** A view of the message, so good only until the next one; null is NULL, undefined an unchanged TOASTed value. */
export type RawValue = Buffer | null | undefined;

export type PgoutputMessage =
  | { readonly kind: 'begin'; readonly commitTimeMs: number }
  | { readonly kind: 'commit'; readonly endLsn: bigint }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'insert'; readonly relation: Relation; readonly values: readonly RawValue[] }
  | {
      readonly kind: 'update';
      readonly relation: Relation;
      readonly values: readonly RawValue[];
      /** The row before, as far as the replica identity gives it. */
      readonly before: readonly RawValue[];
    }
  | { readonly kind: 'delete'; readonly relation: Relation }
  | { readonly kind: 'truncate'; readonly relations: readonly Relation[] }
  | { readonly kind: 'other' };

/** What was received is not pgoutput. */
export class PgoutputError extends Error {
  override readonly name = 'PgoutputError';
}

/** Milliseconds from 1970 to 2000, where the time of PostgreSQL begins. */
const epochMs = Date.UTC(2000, 0, 1);

/** Decodes the messages of one connection: it remembers the tables. */
export class PgoutputDecoder {
  readonly #relations = new Map<number, Relation>();

  /** @throws {PgoutputError} */
  decode(message: Buffer): PgoutputMessage {
    const reader = new Reader(message);
    const type = reader.char();
    switch (type) {
      case 'B':
        reader.skip(8);
        return { kind: 'begin', commitTimeMs: epochMs + Number(reader.int64() / 1000n) };
      case 'C':
        reader.skip(1 + 8);
        return { kind: 'commit', endLsn: reader.int64() };
      case 'R':
        return this.#decodeRelation(reader);
      case 'I': {
        const relation = this.#relation(reader);
        reader.skip(1);
        return { kind: 'insert', relation, values: reader.tuple() };
      }
      case 'U': {
        const relation = this.#relation(reader);
        const kind = reader.char();
        if (kind === 'N') return { kind: 'update', relation, values: reader.tuple(), before: [] };
        const tuple = reader.tuple();
        // Of a key alone, the other columns stand there as NULL and are not.
        const before =
          kind === 'K'
            ? tuple.map((value, index) => (relation.columns[index]?.isKey === true ? value : undefined))
            : tuple;
        reader.skip(1);
        return { kind: 'update', relation, values: reader.tuple(), before };
      }
      case 'D':
        return { kind: 'delete', relation: this.#relation(reader) };
      case 'T': {
        const count = reader.int32();
        reader.skip(1);
        return { kind: 'truncate', relations: Array.from({ length: count }, () => this.#relation(reader)) };
      }
      case 'O': // origin
      case 'Y': // type
      case 'M': // message
        return { kind: 'other' };
      default:
        throw new PgoutputError(`a message of unknown type ${JSON.stringify(type)}`);
    }
  }

  #decodeRelation(reader: Reader): PgoutputMessage {
    const id = reader.int32();
    const [schema, table] = [reader.text(), reader.text()];
    reader.skip(1); // The kind of the replica identity; the flags of the columns say more.
    const columns = Array.from({ length: reader.int16() }, () => {
      const isKey = reader.char() === '\u0001';
      const name = reader.text();
      reader.skip(4 + 4);
      return { name, isKey };
    });
    const relation = { schema, table, columns };
    this.#relations.set(id, relation);
    return { kind: 'relation', relation };
  }

  #relation(reader: Reader): Relation {
    const relation = this.#relations.get(reader.int32());
    if (relation === undefined) throw new PgoutputError('a row of a table that was not described');
    return relation;
  }
}

/** Reads a message from its beginning to its end. */
class Reader {
  readonly #message: Buffer;
  #at = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  char(): string {
    return String.fromCharCode(this.#message.readUInt8(this.#take(1)));
  }

  int16(): number {
    return this.#message.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#message.readUInt32BE(this.#take(4));
  }

  int64(): bigint {
    return this.#message.readBigInt64BE(this.#take(8));
  }

  /** Up to the next zero byte. */
  text(): string {
    const end = this.#message.indexOf(0, this.#at);
    if (end < 0) throw new PgoutputError('a text without an end');
    const text = this.#message.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  tuple(): readonly RawValue[] {
    return Array.from({ length: this.int16() }, () => {
      const kind = this.char();
      if (kind === 'n') return null;
      if (kind === 'u') return undefined;
      if (kind !== 't') throw new PgoutputError(`a value of unknown kind ${JSON.stringify(kind)}`);
      const length = this.int32();
      const start = this.#take(length);
      return this.#message.subarray(start, start + length);
    });
  }

  #take(bytes: number): number {
    const start = this.#at;
    this.#at += bytes;
    if (this.#at > this.#message.length) throw new PgoutputError('a message that ends too early');
    return start;
  }
}
