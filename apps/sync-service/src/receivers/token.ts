import { createHash, timingSafeEqual } from 'node:crypto';
import { Secret, type Parse } from '@oms-sync/core';
import { getHeader, Refusal, type RequestHead } from './receiver.ts';

const leastLength = 16;

/** One token, or more between commas: while it is changed at the sender, the old one and the new one are right. */
export const parseTokens: Parse<readonly Secret[]> = (text) => {
  const tokens = text.split(',').map((token) => token.trim());
  return tokens.every((token) => /^[\x21-\x7e]+$/.test(token) && token.length >= leastLength)
    ? { value: tokens.map((token) => new Secret(token)) }
    : {
        expected: `at least ${leastLength} printable ASCII characters without spaces, or several such tokens with commas between them`,
      };
};

/**
 * Lets in who knows a token: as `Authorization: Bearer {token}`, or in the query as `token`, for senders that know no
 * headers.
 *
 * @param setting where the tokens stand, for the message.
 * @throws {Refusal} for everybody else.
 */
export function checkToken(head: RequestHead, tokens: readonly Secret[], setting: string): void {
  const given = readBearer(head) ?? head.query['token'];
  if (isOneOf(tokens, given)) return;
  const found = given === undefined ? 'none' : 'another one';
  throw new Refusal(
    'sender',
    `expected a token of ${setting} ("Authorization: Bearer …" or "?token=…"), found ${found}`,
  );
}

/** Is this one of the tokens? It takes the same time whatever is wrong. */
export function isOneOf(tokens: readonly Secret[], given: unknown): boolean {
  const hash = sha256(typeof given === 'string' ? given : '');
  return tokens.filter((token) => timingSafeEqual(hash, sha256(token.reveal()))).length > 0;
}

/** The token of an `Authorization` header. */
export function readBearer(head: RequestHead): string | undefined {
  return /^Bearer +(\S+)$/i.exec(getHeader(head, 'authorization') ?? '')?.[1];
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
