import type { ObjectFolder } from '@oms-sync/log-bucket';
import type { Ledger } from './ledger.ts';
import { readNumber } from './names.ts';

/** Reads the success list, and removes what was read: an hour of it is long. */
export async function takeSuccessList(logs: ObjectFolder, ledger: Ledger): Promise<void> {
  for (const { key } of await logs.list('oms_source_record/success_object/')) {
    const body = await logs.read(key);
    ledger.succeed(String(body).trimEnd().split('\n').map(decodeURIComponent));
    await logs.delete(key);
  }
}

/** The numbers of the names on the failed list. */
export async function readFailedList(logs: ObjectFolder): Promise<Set<number>> {
  const numbers = new Set<number>();
  for (const { key } of await logs.list('oms_source_record/failed_object/')) {
    if (!key.endsWith('.jsonl')) continue;
    for (const line of String(await logs.read(key))
      .trimEnd()
      .split('\n')) {
      const entry: unknown = JSON.parse(line);
      const name: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'name') : '';
      const number = readNumber(String(name));
      if (number !== undefined) numbers.add(number);
    }
  }
  return numbers;
}
