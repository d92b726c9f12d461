import type { Setting, ValuesOf } from '@oms-sync/core';
import { translateS3 } from '@oms-sync/storage-events';
import { readJson, translate } from './content.ts';
import type { Receiver } from './receiver.ts';
import { checkToken, parseTokens } from './token.ts';

export const webhookSettings = {
  webhook_token: {
    meaning:
      'token that an S3-compatible store sends (MinIO, RustFS, Ceph); two with a comma between them while it is changed',
    parse: parseTokens,
    secret: true,
  },
} as const satisfies Record<string, Setting<unknown>>;

/**
 * Stores that speak like S3 and notify by HTTP themselves. MinIO and RustFS send the token as a header, as their
 * `auth_token` says; Ceph's radosgw sends no header: there it stands in the query of the push endpoint. Whether a key is
 * encoded depends on the store, which the records name.
 *
 * Sources: MinIO, internal/event/target/webhook.go; RustFS, crates/targets/src/target/webhook.rs; recorded from radosgw.
 */
export function openWebhook({
  webhook_token: tokens,
}: ValuesOf<typeof webhookSettings>): Receiver | undefined {
  if (tokens === undefined) return undefined;
  return {
    name: 'webhook',
    maxBytes: 1024 * 1024, // One record each, with the object's own metadata.
    admit: (head) => checkToken(head, tokens, 'webhook_token'),
    receive: (_, body) => {
      const event = readJson(body);
      return { kind: 'message', messageId: undefined, records: translate(() => translateS3(event)) };
    },
  };
}
