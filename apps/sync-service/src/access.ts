import { isLoopback, type Secret } from '@oms-sync/core';
import type { FastifyRequest } from 'fastify';
import { getHeader, Refusal, type RequestHead } from './receivers/receiver.ts';
import { checkToken } from './receivers/token.ts';

/** A browser sends it to its own site only, unless that allows more: so no other page can make it change something. */
const controlHeader = 'x-oms-sync';

/**
 * Lets those in who run the service: with the token in a header, or from this machine if there is none.
 *
 * @returns a hook before the body is read, that throws a {@link Refusal} for everybody else.
 */
export function letIn(
  token: Secret | undefined,
  { isChange = false } = {},
): (request: FastifyRequest) => Promise<void> {
  // oxlint-disable-next-line typescript/require-await -- a hook of fastify without a callback is a promise
  return async (request) => {
    const head: RequestHead = { headers: request.headers, query: {} };
    if (token === undefined) checkHost(head);
    else checkToken(head, [token], 'token');
    if (isChange && getHeader(head, controlHeader) === undefined) {
      throw new Refusal(
        'sender',
        `expected the header ${controlHeader}, as no page of another site can send it`,
      );
    }
  };
}

/** A page whose name leads to this machine all of a sudden (DNS rebinding) still has that name. */
function checkHost(head: RequestHead): void {
  const host = getHeader(head, 'host') ?? '';
  if (URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`))) return;
  throw new Refusal('sender', 'expected the address of this machine as the host, as there is no token');
}
