import { percentEncode } from './object-name.ts';
import { OmsConnection } from './oms-connection.ts';
import type { Credentials } from './settings.ts';

/** How many names OMS takes in one request. Source: OMS API Reference, CreateSyncEvents. */
export const maxNamesPerRequest = 10;

/** The part of OMS that a sync run needs. */
export interface SyncEventSink {
  /**
   * Asks OMS to synchronize objects. Resolves when OMS has taken the request, which says nothing yet about copying.
   *
   * @param names 1 to 10 object names, as they are.
   * @param onSent called when the request has left this machine; not if it never does.
   * @throws {OmsError} and nothing else.
   */
  createSyncEvents(names: readonly string[], timeoutMs: number, onSent?: () => void): Promise<void>;
}

/** Sends synchronization requests to one task of OMS. */
export class OmsClient implements SyncEventSink {
  readonly #syncUrl: URL;
  readonly #connection: OmsConnection;

  constructor(options: {
    readonly syncUrl: URL;
    readonly credentials: Credentials;
    readonly now?: () => number;
  }) {
    this.#syncUrl = options.syncUrl;
    this.#connection = new OmsConnection({ ...options, protocol: options.syncUrl.protocol });
  }

  async createSyncEvents(names: readonly string[], timeoutMs: number, onSent?: () => void): Promise<void> {
    const body = JSON.stringify({ object_keys: names.map(percentEncode) });
    // No body is documented for a success, so there is nothing in it to look at.
    await this.#connection.call({ method: 'POST', url: this.#syncUrl, body, timeoutMs, onSent });
  }

  /** Closes the connections; what is under way fails. */
  close(): void {
    this.#connection.close();
  }
}
