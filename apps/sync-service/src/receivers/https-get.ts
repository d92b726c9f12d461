import { request } from 'node:https';
import { Refusal } from './receiver.ts';

/**
 * Gets a small text. No redirect is followed.
 *
 * @throws {Refusal} `unavailable` for whatever does not end in a status of 2xx.
 */
export type HttpsGet = (url: URL) => Promise<string>;

const maxBytes = 64 * 1024;
/**
 * Makes a {@link HttpsGet}.
 *
 * @param ca who may sign the certificate of the server, in place of those whom Node.js trusts by itself.
 * @param timeoutMs a message has to be answered in five seconds, and this is the slowest part of it.
 */
export function makeHttpsGet({
  ca,
  timeoutMs = 3000,
}: { readonly ca?: string; readonly timeoutMs?: number } = {}): HttpsGet {
  return (url) =>
    new Promise<string>((resolve, reject) => {
      // Not the path: the token of a subscription stands there.
      const fail = (what: string, cause?: unknown) =>
        reject(new Refusal('unavailable', `${url.hostname} ${what}`, { cause }));
      const signal = AbortSignal.timeout(timeoutMs);
      const sent = request(url, { agent: false, signal, ...(ca !== undefined && { ca }) }, (response) => {
        const { statusCode = 0 } = response;
        if (statusCode < 200 || statusCode > 299) {
          fail(`answered with status ${statusCode}`);
          response.destroy();
          return;
        }
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= maxBytes) return;
          fail(`answered with more than ${maxBytes} bytes`);
          response.destroy();
        });
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
        response.on('error', (error) => fail('broke off its answer', error));
        response.on('close', () => fail('broke off its answer'));
      });
      sent.on('error', (error) =>
        fail(signal.aborted ? `did not answer in ${timeoutMs} ms` : 'cannot be reached', error),
      );
      sent.end();
    });
}
