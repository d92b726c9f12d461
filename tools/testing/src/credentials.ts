import keys from './test-keys.json' with { type: 'json' };

/**
 * The keys that all tests use. The test run searches everything it printed for them, and fails if it finds one. So they
 * are long and like nothing else.
 */
export const testKeys: {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken: string;
} = keys;
