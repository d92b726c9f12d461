import { getMember, parseJson } from './json.ts';
import { translateOrUnknown, type StorageRecord } from './storage-record.ts';

/** Is it what FunctionGraph's SMN trigger delivers, `{record: [{smn: {message}}]}`? (`record`, not `Records`.) */
export function isSmnTriggerEvent(event: unknown): event is { readonly record: readonly unknown[] } {
  const records = getMember(event, 'record');
  // An empty one holds nothing that could be acknowledged: whoever reads the event next refuses it.
  return Array.isArray(records) && records.length > 0;
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
      translate(parseJson(getMember(record, 'smn', 'message'))),
    ),
  );
}
