import { describeValue, getMember } from './json.ts';
import { translateOrUnknown, UnknownEventError, type StorageRecord } from './storage-record.ts';

/** Is it what FunctionGraph's SMN trigger delivers, `{record: [{smn: {message}}]}`? (`record`, not `Records`.) */
export function isSmnTriggerEvent(event: unknown): event is { readonly record: readonly unknown[] } {
  return Array.isArray(getMember(event, 'record'));
}

/**
 * Translates the messages of FunctionGraph's SMN trigger: each holds an event as JSON text. A message that is none, or
 * that `translate` does not know, is one unknown record; the others are translated.
 */
export function translateSmnTrigger(
  event: { readonly record: readonly unknown[] },
  translate: (message: unknown) => StorageRecord[],
): StorageRecord[] {
  return event.record.flatMap((record, index) =>
    translateOrUnknown(`record[${index}].smn.message`, () =>
      translate(parseMessage(getMember(record, 'smn', 'message'))),
    ),
  );
}

function parseMessage(message: unknown): unknown {
  if (typeof message !== 'string') {
    throw new UnknownEventError(`expected a text, found ${describeValue(message)}`);
  }
  try {
    return JSON.parse(message) as unknown;
  } catch (error) {
    throw new UnknownEventError(`expected JSON, found ${describeValue(message)}`, { cause: error });
  }
}
