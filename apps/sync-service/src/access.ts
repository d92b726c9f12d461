import type { Secret } from '@oms-sync/core';
import type { FastifyRequest } from 'fastify';
import { Refusal } from './receivers/receiver.ts';
import { isOneOf, readBearer } from './receivers/token.ts';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
/** What proxies add: such a request comes from elsewhere, though it comes by this machine. */
const forwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via'];

/**
 * Lets in who knows the token, by header only: an address is written into logs. Without a token, whoever is on this
 * machine, under its own name: a web page whose host name is pointed here (DNS rebinding) is not.
 *
 * @throws {Refusal} for everybody else.
 */
export function checkAccess({ headers }: FastifyRequest, tokens: readonly Secret[] | undefined): void {
  if (tokens !== undefined) {
    const given = readBearer({ headers, query: {} });
    if (isOneOf(tokens, given)) return;
    const found = given === undefined ? 'none' : 'another one';
    throw new Refusal(
      'sender',
      `expected the token of the service (the setting token) as "Authorization: Bearer …", found ${found}`,
    );
  }
  if (loopback.test(headers.host ?? '') && forwarded.every((name) => headers[name] === undefined)) return;
  throw new Refusal('sender', 'expected a request to this machine by its own name; beyond it, set a token');
}

/**
 * Nothing is changed by a page of somebody else: a browser lets no other page add this header.
 *
 * @throws {Refusal}
 */
export function checkIntent({ headers }: FastifyRequest): void {
  if (readBearer({ headers, query: {} }) !== undefined || headers['x-oms-sync'] !== undefined) return;
  throw new Refusal('sender', 'expected the header "x-oms-sync: 1", found none');
}
