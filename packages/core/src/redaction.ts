import type { Secret } from './secret.ts';
import type { Credentials } from './settings.ts';

/**
 * Gives a function that hides the keys in a text, should it hold one: as they are, in JSON (with escaped slashes or
 * without), or percent-encoded. What comes from outside may repeat what we sent.
 */
export function makeRedactor(
  { accessKey, secretKey, securityToken }: Credentials,
  others: readonly Secret[] = [],
): (text: string) => string {
  const forms = [accessKey, secretKey, securityToken, ...others]
    .flatMap((secret) => (secret === undefined ? [] : [secret.reveal()]))
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      secret.replaceAll('/', '\\/'),
      encodeURIComponent(secret),
    ])
    // The longest first: a token may hold the access key.
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((hidden, form) => hidden.replaceAll(form, '[secret]'), text);
}
