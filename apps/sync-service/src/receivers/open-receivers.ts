import type { Clock, Settings, ValuesOf } from '@oms-sync/core';
import { eventGridSettings, openEventGrid } from './event-grid.ts';
import { huaweiEventGridSettings, openHuaweiEventGrid } from './huawei-event-grid.ts';
import { makeHttpsGet, type HttpsGet } from './https-get.ts';
import { findPubsubContradictions, googleKeysUrl, openPubsub, pubsubSettings } from './pubsub.ts';
import type { Receiver } from './receiver.ts';
import { SigningCertificates } from './signing-certificates.ts';
import { openSmn, smnSettings } from './smn.ts';
import { openSns, snsSettings } from './sns.ts';
import { openWebhook, webhookSettings } from './webhook.ts';

/** The settings of all receivers: a receiver is there when its settings are. */
export const receiverSettings = {
  ...smnSettings,
  ...huaweiEventGridSettings,
  ...snsSettings,
  ...eventGridSettings,
  ...pubsubSettings,
  ...webhookSettings,
} as const;

export type ReceiverValues = ValuesOf<typeof receiverSettings>;

/** What is wrong between settings of receivers that are each right. */
export const findReceiverContradictions = findPubsubContradictions;

export interface ReceiverOptions {
  readonly eventgridKeyEncoding: Settings['eventgridKeyEncoding'];
  readonly clock: Clock;
  /** Gets signing certificates, and confirms subscriptions. */
  readonly get?: HttpsGet;
  readonly googleKeysUrl?: URL;
}

/** The receivers that the settings ask for. */
export function openReceivers(values: ReceiverValues, options: ReceiverOptions): readonly Receiver[] {
  const get = options.get ?? makeHttpsGet();
  const all = { googleKeysUrl, ...options, get, certificates: new SigningCertificates(get) };
  return [
    openSmn(values, all),
    openHuaweiEventGrid(values, all),
    openSns(values, all),
    openEventGrid(values),
    openPubsub(values, all),
    openWebhook(values),
  ].filter((receiver) => receiver !== undefined);
}
