import { isLoopback, Secret } from '@oms-sync/core';

/** The address of a database: what connects to it, and what may be shown. */
export interface DatabaseUrl {
  /** With user and password. */
  readonly url: Secret;
  readonly protocol: string;
  /** Host, port and database. */
  readonly place: string;
  /** An error of the database as a text for people, without the password. */
  readonly describe: (error: unknown) => string;
}

/** A parser of addresses of databases with one of these protocols, such as `postgres`. */
export function parseDatabaseUrl(
  ...protocols: readonly string[]
): (text: string) => { readonly value: DatabaseUrl } | { readonly expected: string } {
  const others = protocols.slice(1).map((name) => `, or ${name}://…`);
  const expected = `an address such as ${protocols[0]}://user:password@host/database${others.join('')}`;
  return (text) => {
    if (!URL.canParse(text)) return { expected };
    const { protocol, host, pathname, username, password } = new URL(text);
    const name = protocol.slice(0, -1);
    if (!protocols.includes(name) || host === '' || pathname.length < 2 || username === '')
      return { expected };
    if (!isSafe(new URL(text)))
      return { expected: `${expected}, with TLS beyond this machine: ${tlsAdvice}` };
    const place = `${host}${pathname}`;
    const plain = decode(password);
    const describe = (error: unknown) => {
      const described = describeError(error).replaceAll(text, `${protocol}//${place}`);
      return plain === '' ? described : described.replaceAll(plain, '[secret]');
    };
    return { value: { url: new Secret(text), protocol: name, place, describe } };
  };
}

const tlsAdvice =
  '?sslmode=verify-full, for MySQL ?ssl={"verifyIdentity":true}; ?sslmode=disable, ?ssl=false if it may be read on its way';

/** A password does not go over a network in plain text because somebody forgot to say otherwise. */
function isSafe(url: URL): boolean {
  return isLoopback(url) || url.searchParams.has('sslmode') || url.searchParams.has('ssl');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return text;
  }
}

function describeError(error: unknown): string {
  // Several addresses were tried: node gives no message then.
  if (error instanceof AggregateError) return error.errors.map(describeError).join('; ');
  if (!(error instanceof Error)) return String(error);
  const code = getErrorCode(error);
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

/** SQLSTATE of PostgreSQL, or the code of the network's error. */
export function getErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** SQLSTATE, five characters of the standard, of PostgreSQL, MySQL and MariaDB. */
export function getSqlState(error: unknown): string | undefined {
  const isMysql = error instanceof Error && 'sqlState' in error && typeof error.sqlState === 'string';
  return isMysql ? String(error.sqlState) : getErrorCode(error);
}
