import { readValues, SettingsError } from '@oms-sync/core';
import { carryOut, type SetupOptions } from './database-setup.ts';
import { openOutbox, outboxSettings, readOutboxOptions, type OutboxValues } from './outbox.ts';
import type { OutboxOptions } from './outbox-table.ts';

/**
 * `setup-outbox`: makes the outbox table that the settings name. A second call finds it there.
 *
 * @returns the exit code: 0 if all is there (or would be), 1 if something is missing.
 * @throws {SettingsError}
 */
export async function runOutboxSetup(
  lookUp: (name: string) => string | undefined,
  setup: SetupOptions,
): Promise<number> {
  const options = readSetupSettings(lookUp);
  const { database } = options;
  setup.write(`database ${database.place}`);
  try {
    const session = await openOutbox(options);
    try {
      return await carryOut(await session.plan(), session.run, setup);
    } finally {
      session.close();
    }
  } catch (error) {
    setup.write(`failed   ${database.describe(error)}`);
    return 1;
  }
}

function readSetupSettings(lookUp: (name: string) => string | undefined): OutboxOptions {
  const { found, problems } = readValues(outboxSettings, lookUp);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever is missing was a problem
  const options = problems.length > 0 ? undefined : readOutboxOptions(found as OutboxValues);
  if (options !== undefined) return options;
  const missing = { setting: 'outbox_url', expected: 'the address of the database', found: 'nothing' };
  throw new SettingsError(problems.length > 0 ? problems : [missing]);
}
