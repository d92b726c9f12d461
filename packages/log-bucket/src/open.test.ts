import { describe, expect, it, vi } from 'vitest';
import { Secret, SettingsError, type LogBucket, type LogBucketAddress } from '@oms-sync/core';
import { testKeys } from '@oms-sync/testing';
import { openFile } from './file.ts';
import { openObs } from './obs.ts';
import { openLogBucket, type LogBucketOpener, type LogBucketSettings } from './open.ts';

const obs: LogBucketAddress = { store: 'obs', bucket: 'lists', prefix: 'task/' };
const file: LogBucketAddress = { store: 'file', folder: '/nowhere', prefix: '' };

function settingsFor(logBucket: LogBucketAddress): LogBucketSettings {
  return {
    logBucket,
    obsEndpoint: new URL('https://obs.example.com'),
    credentials: {
      accessKey: new Secret(testKeys.accessKey),
      secretKey: new Secret(testKeys.secretKey),
      securityToken: undefined,
    },
  };
}

/** The problems that a SettingsError names. */
function problemsOf(open: () => LogBucket): unknown {
  try {
    return open();
  } catch (error) {
    return error instanceof SettingsError ? error.problems : error;
  }
}

describe('openLogBucket', () => {
  it('takes the opener of the store, and gives it the settings', () => {
    const bucket = openFile(settingsFor(file));
    const open = vi.fn<LogBucketOpener>(() => bucket);
    const settings = settingsFor(obs);
    expect(openLogBucket(settings, { obs: open, file: openFile })).toBe(bucket);
    expect(open).toHaveBeenCalledWith(settings);
  });

  it('opens the stores of this package', () => {
    for (const address of [obs, file]) {
      expect(openLogBucket(settingsFor(address), { obs: openObs, file: openFile })).toHaveProperty('put');
    }
  });

  it('says which stores there are when this one is not on board', () => {
    const settings = settingsFor({ store: 'az', account: 'lists', container: 'lists', prefix: '' });
    expect(problemsOf(() => openLogBucket(settings, { obs: openObs, file: openFile }))).toEqual([
      {
        setting: 'log_bucket',
        expected: 'a bucket in a store that this app has on board: obs, file',
        found: 'one in az',
      },
    ]);
  });

  it('does not open an address of another store', () => {
    expect(problemsOf(() => openObs(settingsFor(file)))).toMatchObject([{ setting: 'log_bucket' }]);
    expect(problemsOf(() => openFile(settingsFor(obs)))).toMatchObject([{ setting: 'log_bucket' }]);
  });

  it('needs the endpoint for OBS', () => {
    const settings = { ...settingsFor(obs), obsEndpoint: undefined };
    expect(problemsOf(() => openObs(settings))).toMatchObject([
      { setting: 'obs_endpoint', found: 'nothing' },
    ]);
  });
});
