import type { Input } from './inputs.ts';

/** Everything in an input that could be a name, in every encoding that a channel uses. */
export function findNames({ event, bytes }: Input): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<unknown>();
  const waiting: unknown[] = [event];
  if (bytes !== undefined) waiting.push(Buffer.from(bytes, 'latin1').toString('utf8'));
  for (let at = 0; at < waiting.length; at++) {
    const next = waiting[at];
    if (typeof next === 'string') {
      addForms(names, next);
      waiting.push(...readInner(next));
    } else if (typeof next === 'object' && next !== null && !seen.has(next)) {
      seen.add(next);
      for (const value of Object.values(next)) waiting.push(value);
    }
  }
  return names;
}

function addForms(names: Set<string>, text: string): void {
  names.add(text);
  const decoded = tryTo(() => decodeURIComponent(text.replaceAll('+', ' ')));
  if (decoded !== undefined) names.add(decoded);
  // In the subject of an event of Azure the name stands behind the container.
  const at = text.indexOf('/blobs/');
  if (at !== -1) names.add(text.slice(at + '/blobs/'.length));
}

/** What a text holds as JSON, plain or as Base64. */
function readInner(text: string): unknown[] {
  const forms = [text, Buffer.from(text, 'base64').toString('utf8')];
  return forms.flatMap((form) => {
    if (!/^\s*[[{"]/.test(form)) return [];
    const value = tryTo(() => JSON.parse(form) as unknown);
    return value === undefined ? [] : [value];
  });
}

function tryTo<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch {
    return undefined; // Not this form.
  }
}
