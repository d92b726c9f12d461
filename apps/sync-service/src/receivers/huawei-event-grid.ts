import type { Setting, ValuesOf } from '@oms-sync/core';
import { translateObs, type EventGridKeyEncoding } from '@oms-sync/storage-events';
import { readJson, translate } from './content.ts';
import type { Receiver } from './receiver.ts';
import { checkToken, parseTokens } from './token.ts';

export const huaweiEventGridSettings = {
  huawei_event_grid_token: {
    meaning: 'token that Huawei Cloud EventGrid sends; two with a comma between them while it is changed',
    parse: parseTokens,
    secret: true,
  },
} as const satisfies Record<string, Setting<unknown>>;

/** Huawei Cloud EventGrid with a custom HTTP target: CloudEvents of OBS, one or a list of them. */
export function openHuaweiEventGrid(
  { huawei_event_grid_token: tokens }: ValuesOf<typeof huaweiEventGridSettings>,
  options: { readonly eventgridKeyEncoding: EventGridKeyEncoding },
): Receiver | undefined {
  if (tokens === undefined) return undefined;
  return {
    name: 'huawei-event-grid',
    maxBytes: 1024 * 1024,
    admit: (head) => checkToken(head, tokens, 'huawei_event_grid_token'),
    receive: (_, body) => {
      const event = readJson(body);
      return {
        kind: 'message',
        messageId: undefined,
        records: translate(() => translateObs(event, options)),
      };
    },
  };
}
