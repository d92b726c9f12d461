import { get as getByHttp, type IncomingMessage } from 'node:http';
import { get as getByHttps } from 'node:https';
import type { ServiceValues } from './service-settings.ts';

const timeoutMs = 4000;

/** Is the service with these settings, on this machine, alive? For containers: `node main.js healthcheck`. */
export function checkHealth({
  listen,
  tls_cert_file: certificate,
}: Pick<ServiceValues, 'listen' | 'tls_cert_file'>): Promise<boolean> {
  const address = listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  const timeout = { timeout: timeoutMs };
  return new Promise((resolve) => {
    const onAnswer = (answer: IncomingMessage) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    };
    const sent =
      certificate === undefined
        ? getByHttp(`http://${address}/healthz`, timeout, onAnswer)
        : // Its certificate is for its name in the world, not for this address; no secret is sent.
          getByHttps(`https://${address}/healthz`, { ...timeout, rejectUnauthorized: false }, onAnswer);
    sent
      .on('timeout', () => sent.destroy())
      .on('error', () => resolve(false))
      .on('close', () => resolve(false));
  });
}
