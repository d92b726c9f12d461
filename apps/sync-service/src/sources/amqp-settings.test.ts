import { readValues } from '@oms-sync/core';
import { describe, expect, it } from 'vitest';
import { amqpSettings, findAmqpContradictions } from './amqp-settings.ts';

/** Which settings are wrong, by themselves or between them. */
function findWrong(settings: Readonly<Record<string, string>>, retryMaxAgeMinutes?: number) {
  const { found, problems } = readValues(amqpSettings, (name) => settings[name]);
  const held = retryMaxAgeMinutes === undefined ? undefined : retryMaxAgeMinutes * 60_000;
  return [...problems, ...findAmqpContradictions({ ...found, retry_max_age: held })].map(
    ({ setting }) => setting,
  );
}

const whole = { amqp_url: 'amqps://user:password@broker.example/', amqp_queue: 'oms-sync' };

describe('the settings of AMQP', () => {
  it('need an address and a queue, or nothing', () => {
    expect(findWrong({})).toEqual([]);
    expect(findWrong(whole)).toEqual([]);
    expect(findWrong({ queue: 'amqp' })).toEqual(['amqp_url', 'amqp_queue']);
    expect(findWrong({ amqp_queue: 'oms-sync' })).toEqual(['amqp_url']);
  });

  it('take a plain address of this machine only', () => {
    expect(findWrong({ ...whole, amqp_url: 'amqp://guest:guest@127.0.0.1:5672/' })).toEqual([]);
    expect(findWrong({ ...whole, amqp_url: 'amqp://broker.example/' })).toContain('amqp_url');
  });

  it('bind an exchange only where they declare it', () => {
    expect(findWrong({ ...whole, amqp_exchange: 'buckets', amqp_declare: 'yes' })).toEqual([]);
    expect(findWrong({ ...whole, amqp_exchange: 'buckets' })).toEqual(['amqp_exchange']);
  });

  it('hold no message for longer than a broker waits', () => {
    expect(findWrong(whole, 25)).toEqual([]);
    expect(findWrong(whole, 26)).toEqual(['retry_max_age']);
    expect(findWrong({}, 26)).toEqual([]);
  });
});
