import { inspect } from 'node:util';
import { expect } from 'vitest';
import { testKeys } from '@oms-sync/testing';
import { LogBucketError, Secret, type Credentials } from '@oms-sync/core';

export const testCredentials: Credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: new Secret(testKeys.securityToken),
};

/** The fault that a call ends in. */
export async function faultOf(call: Promise<unknown>): Promise<LogBucketError> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(LogBucketError);
  if (outcome instanceof LogBucketError) return outcome;
  throw new TypeError('no LogBucketError');
}

/** Does a value give a key away to whoever prints it? */
export function showsKeys(value: unknown): boolean {
  const shown = inspect(value, { depth: Infinity, showHidden: true, getters: true });
  return Object.values(testKeys).some((key) => shown.includes(key));
}
