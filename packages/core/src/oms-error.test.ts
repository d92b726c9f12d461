import { describe, expect, it } from 'vitest';
import { classifyAnswer, OmsError, type OmsFaultClass } from './oms-error.ts';

describe('classifyAnswer', () => {
  it.each([
    // By code: OMS lists all of them under 400.
    [400, 'OMS.0001', 'refused'],
    [400, 'OMS.0054', 'refused'],
    [400, 'OMS.0064', 'refused'],
    [400, 'OMS.1009', 'refused'],
    [400, 'OMS.1001', 'passing'],
    [400, 'OMS.0053', 'identity'],
    [400, 'OMS.0068', 'identity'],
    [400, 'OMS.0201', 'identity'],
    [400, 'OMS.0203', 'identity'],
    [400, 'OMS.0204', 'identity'],
    [400, 'OMS.0072', 'identity'],
    [400, 'OMS.1005', 'identity'],
    [400, 'OMS.0202', 'identity'],
    [400, 'OMS.0077', 'quota'],
    [400, 'OMS.1021', 'quota'],
    [429, 'OMS.1021', 'quota'],
    [401, 'APIG.0301', 'identity'],
    [401, 'APIGW.0301', 'identity'],
    [400, 'APIG.0301', 'identity'],
    [400, 'APIGW.0307', 'identity'],
    [403, 'APIG.0304', 'identity'],
    [429, 'APIG.0308', 'passing'],
    [403, 'APIG.0308', 'passing'],
    [400, 'APIGW.0308', 'passing'],
    // Codes that only look alike.
    [400, 'XAPIG.0301', 'refused'],
    [400, 'APIG.03011', 'refused'],
    [400, 'XAPIG.0308', 'refused'],
    [400, 'APIG.03081', 'refused'],
    [413, 'APIG.0201', 'refused'],
    [502, 'APIG.0201', 'passing'],
    [404, 'APIG.0101', 'refused'],
    [503, 'OMS.0064', 'passing'],
    // By status alone.
    [301, undefined, 'refused'],
    [400, undefined, 'refused'],
    [401, undefined, 'identity'],
    [403, undefined, 'identity'],
    [404, undefined, 'refused'],
    [408, undefined, 'passing'],
    [413, undefined, 'refused'],
    [425, undefined, 'passing'],
    [429, undefined, 'passing'],
    [500, undefined, 'passing'],
    [502, undefined, 'passing'],
    [503, undefined, 'passing'],
    [504, undefined, 'passing'],
  ] satisfies [number, string | undefined, OmsFaultClass][])('%i %s is %s', (status, code, expected) => {
    expect(classifyAnswer(status, code)).toBe(expected);
  });
});

describe('an error of OMS', () => {
  const fault = { faultClass: 'passing', code: 'HTTP.500', message: 'busy' } as const;

  it('says what it is, and from what it comes', () => {
    const cause = new Error('ECONNRESET');
    expect(new OmsError({ ...fault, cause })).toMatchObject({ name: 'OmsError', message: 'busy', cause });
  });

  it.each([
    [{ status: 429 }, true],
    [{ status: 503 }, true],
    [{ status: 500, retryAfterMs: 0 }, true],
    [{ status: 500 }, false],
    [{}, false],
  ])('with %j asks for fewer requests: %s', (fields, expected) => {
    expect(new OmsError({ ...fault, ...fields }).throttled).toBe(expected);
  });
});
