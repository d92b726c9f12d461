import type { Setting, ValuesOf } from '@oms-sync/core';
import { getText, translateAzure } from '@oms-sync/storage-events';
import { readJson, translate } from './content.ts';
import { getHeader, Refusal, type Handshake, type Receiver, type RequestHead } from './receiver.ts';
import { checkToken, parseTokens } from './token.ts';

export const eventGridSettings = {
  event_grid_key: {
    meaning: 'token that Azure Event Grid sends; two with a comma between them while it is changed',
    parse: parseTokens,
    secret: true,
  },
} as const satisfies Record<string, Setting<unknown>>;

/**
 * Azure Event Grid: events of its own schema and CloudEvents, and the handshake of each.
 *
 * Sources: Event Grid, endpoint validation with the Event Grid event schema, and with CloudEvents (OPTIONS).
 */
export function openEventGrid({
  event_grid_key: keys,
}: ValuesOf<typeof eventGridSettings>): Receiver | undefined {
  if (keys === undefined) return undefined;
  return {
    name: 'event-grid',
    maxBytes: 2 * 1024 * 1024, // One event, and a batch of them, has up to 1 MB.
    admit: (head) => checkToken(head, keys, 'event_grid_key'),
    greet,
    receive: (_, body) => {
      const events = readJson(body);
      const code = readValidationCode(events);
      if (code !== undefined) {
        return {
          kind: 'handshake',
          what: 'subscription validated',
          level: 'info',
          body: { validationResponse: code },
        };
      }
      return { kind: 'message', messageId: undefined, records: translate(() => translateAzure(events)) };
    },
  };
}

/** CloudEvents, HTTP 1.1 Web Hooks for Event Delivery, 4: who asks is told that it may send, as fast as it likes. */
function greet(head: RequestHead): Handshake {
  const origin = getHeader(head, 'webhook-request-origin');
  if (origin === undefined)
    throw new Refusal('content', 'WebHook-Request-Origin: expected a host, found none');
  return {
    kind: 'handshake',
    what: 'subscription validated',
    level: 'info',
    headers: { 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': '*' },
  };
}

/** The code of a validation, which comes alone. */
function readValidationCode(events: unknown): string | undefined {
  const event: unknown = Array.isArray(events) && events.length === 1 ? events[0] : undefined;
  const isValidation = getText(event, 'eventType') === 'Microsoft.EventGrid.SubscriptionValidationEvent';
  return isValidation ? getText(event, 'data', 'validationCode') : undefined;
}
