import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { ServiceValues } from './service-settings.ts';

const answerWithinMs = 4000;

/** Is the service with these settings alive? For the health check of a container, which runs beside it. */
export function isAlive({
  listen,
  tls_cert_file: certificate,
}: Pick<ServiceValues, 'listen' | 'tls_cert_file'>): Promise<boolean> {
  const address = listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  const get = certificate === undefined ? getHttp : getHttps;
  const url = `${certificate === undefined ? 'http' : 'https'}://${address}/healthz`;
  return new Promise((resolve) => {
    // The certificate is for the name that others know: here it is enough that somebody answers.
    const options = { rejectUnauthorized: false, signal: AbortSignal.timeout(answerWithinMs) };
    get(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false)); // It does not answer: that is what was asked.
  });
}
