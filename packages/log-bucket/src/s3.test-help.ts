import { afterEach, beforeEach, vi } from 'vitest';
import { testKeys } from '@oms-sync/testing';

/** {@link stubLambdaEnvironment} for each test of a file. */
export function useLambdaEnvironment(securityToken?: string): void {
  beforeEach(() => {
    stubLambdaEnvironment(securityToken);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
}

/**
 * Makes the environment that of a Lambda function, with the keys of the tests and nothing of this machine's.
 *
 * @param securityToken left out for keys that are not temporary.
 */
export function stubLambdaEnvironment(securityToken?: string): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', testKeys.accessKey);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', testKeys.secretKey);
  vi.stubEnv('AWS_SESSION_TOKEN', securityToken);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  // Node.js 20 is what the tests run on, no platform that has S3: the SDK need not say that it will be too old.
  vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true');
}
