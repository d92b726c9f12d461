import { readFileSync } from 'node:fs';
import type { HttpServer } from './http-server.ts';

const files = {
  '/': { file: 'dashboard.html', type: 'text/html; charset=utf-8' },
  '/dashboard.js': { file: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  '/dashboard.css': { file: 'dashboard.css', type: 'text/css; charset=utf-8' },
} as const;

/** Nothing runs in the page but its own script, and it talks to nobody but this service. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/**
 * Adds the dashboard at `/`. The page tells nothing by itself: it asks `/status`, which lets in whoever has the token.
 *
 * @throws if the files of the page are not beside the bundle.
 */
export function addDashboardRoutes(server: HttpServer): void {
  server.add((routes) => {
    for (const [url, { file, type }] of Object.entries(files)) {
      const body = readFileSync(new URL(`./page/${file}`, import.meta.url));
      routes.get(url, (_request, reply) => reply.headers(headers).type(type).send(body));
    }
  });
}
