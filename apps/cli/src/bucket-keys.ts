import { Secret, type Credentials } from '@oms-sync/core';
import { UsageError } from './exit-code.ts';
import type { Tool } from './tool.ts';

/**
 * The keys of a bucket that is not opened with those of the settings: `source_ak`, `source_sk` and, for temporary ones,
 * `source_security_token`, or the same of the destination.
 *
 * @returns undefined if they are not set.
 * @throws {UsageError} if only one of the two is.
 */
export function readBucketKeys(
  { lookUp }: Pick<Tool, 'lookUp'>,
  whose: 'source' | 'destination',
): Credentials | undefined {
  const [accessKey, secretKey, securityToken] = ['ak', 'sk', 'security_token'].map((name) => {
    const text = lookUp(`${whose}_${name}`)?.trim() ?? '';
    return text === '' ? undefined : new Secret(text);
  });
  if (accessKey === undefined && secretKey === undefined) return undefined;
  if (accessKey === undefined || secretKey === undefined) {
    throw new UsageError(`${whose}_ak, ${whose}_sk: expected both or neither, found one of them`);
  }
  return { accessKey, secretKey, securityToken };
}
