import { readFileSync } from 'node:fs';
import { SettingsError } from '@oms-sync/core';
import { describe, expect, it } from 'vitest';
import { readServiceSettings, serviceSettingsSchema } from './service-settings.ts';

const documentation = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
const [, reference = ''] = documentation.split('\n## The service\n');
/** Name and default of each row of the table. */
const rows = [...reference.matchAll(/^\| `(\w+)` +\| [^|]* \| ([^|]*?) *\|/gm)].map(
  ([, name = '', fallback = '']) => ({ name, fallback: fallback.replaceAll('`', '') }),
);

describe('the section of docs/settings.md about the service', () => {
  it('has every setting, in the order of the schema', () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(serviceSettingsSchema));
  });

  it.each(rows)('says the default of $name', ({ name, fallback }) => {
    const setting = Object.entries(serviceSettingsSchema).find(([key]) => key === name)?.[1];
    const otherwise = setting !== undefined && 'otherwise' in setting ? setting.otherwise : undefined;
    const parsed = fallback === '' ? { value: undefined } : setting?.parse(fallback);
    expect(parsed).toEqual({ value: otherwise });
  });
});

describe('the settings of the receivers', () => {
  const core: Record<string, string> = {
    sync_url: 'https://oms.cn-north-4.myhuaweicloud.com/v2/p/sync-tasks/t/events',
    log_bucket: 'file:///lists',
    hw_ak: 'key',
    hw_sk: 'secret',
  };
  const read = (values: Record<string, string>) =>
    readServiceSettings((name) => ({ ...core, ...values })[name]);

  it('are read', () => {
    const { service } = read({ smn_topics: 'urn:smn:cn-north-4:p:a, urn:smn:cn-north-4:p:b' });
    expect(service.smn_topics).toEqual(['urn:smn:cn-north-4:p:a', 'urn:smn:cn-north-4:p:b']);
    expect(service.smn_domain).toBe('myhuaweicloud.com');
  });

  it('are all named in one message when they are wrong, without a secret', () => {
    const wrong = {
      smn_topics: 'sync',
      sns_topics: 'arn:aws:sqs:eu-west-1:123456789012:queue',
      event_grid_key: 'short',
      webhook_token: 'a-long-enough-token,short',
      pubsub_audience: 'https://sync.example.com',
    };
    let message = '';
    try {
      read(wrong);
    } catch (error) {
      if (error instanceof SettingsError) ({ message } = error);
    }
    for (const name of [
      'smn_topics',
      'sns_topics',
      'event_grid_key',
      'webhook_token',
      'pubsub_service_account',
    ]) {
      expect(message).toContain(`\n  ${name}: expected `);
    }
    expect(message).toContain('5 wrong settings');
    expect(message).not.toContain('long-enough');
  });
});
