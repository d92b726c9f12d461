import { TimeLimitError, withTimeLimit } from '@oms-sync/core';
import { SourceError, type ObjectSource } from '@oms-sync/listing';
import { UsageError } from '../exit-code.ts';
import { ok, warning, wrong, type Finding } from './finding.ts';

/** Can the source bucket be listed, as backfill and reconcile do? */
export async function checkSource(open: () => ObjectSource, timeoutMs: number): Promise<Finding> {
  const check = 'source list';
  const hasObjects = async (source: ObjectSource) => {
    for await (const page of source.list()) if (page.length > 0) return true;
    return false;
  };
  let address = 'the source';
  try {
    const source = open();
    address = source.address;
    return (await withTimeLimit(hasObjects(source), timeoutMs))
      ? ok(check, `${address} can be listed`)
      : warning(check, `${address} can be listed, and is empty`, 'is it the right bucket?');
  } catch (error) {
    if (error instanceof TimeLimitError) {
      const found = `${address}: ${error.message}`;
      return wrong(check, found, 'let https out to the store (firewall, VPC, NAT gateway)');
    }
    if (error instanceof UsageError) {
      return wrong(check, `${address} cannot be opened`, error.message);
    }
    if (!(error instanceof SourceError)) throw error;
    return wrong(
      check,
      error.message,
      'check the address and the keys in the environment; they need the permission to list it. backfill and reconcile need it, synchronization itself does not',
    );
  }
}
