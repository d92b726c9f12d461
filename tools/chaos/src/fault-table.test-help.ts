import type { NetworkFault } from '@oms-sync/fault-proxy';
import type { Fault as LogBucketFault } from '@oms-sync/obs-standin';
import type { Fault as OmsFault } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';

/** Where a name ends: requested, on the failed list with this class of reason, or returned to the platform. */
export type Fate = 'requested' | 'refused' | 'identity' | 'quota' | 'passing' | 'returned';

/** An address that leads nowhere. */
export type BadAddress =
  | 'nobody listens'
  | 'unknown host'
  | 'wrong certificate'
  | 'plain text on the TLS port'
  | 'reset in the TLS handshake'
  | 'silence in the TLS handshake';

/** What goes wrong around one invocation. */
export interface Circumstances {
  /** What OMS does. */
  readonly oms?: readonly OmsFault[];
  /** What happens on the way to OMS. */
  readonly omsNetwork?: readonly NetworkFault[];
  readonly omsAddress?: BadAddress;
  /** What the log bucket does. */
  readonly logBucket?: readonly LogBucketFault[];
  readonly logBucketNetwork?: readonly NetworkFault[];
  readonly logBucketAddress?: BadAddress;
  /** Who does not accept our keys any more. */
  readonly expiredAt?: 'OMS' | 'log bucket' | 'both';
  /** Whose clock is not ours. */
  readonly skewedAt?: 'OMS' | 'log bucket' | 'both';
  /** By how much theirs is ahead of ours; 16 when left out. */
  readonly skewMinutes?: 16 | -16;
  /** The platform gives the invocation this long; else more than anything needs. */
  readonly timeLeftMs?: number;
  /** `request_timeout_ms`; else more than an answer takes on a machine that has much to do. */
  readonly requestTimeoutMs?: number;
  readonly delivery?: 'each name twice' | 'twice at a time' | 'again after a freeze';
  /** `on_failure=redeliver`, and whether the platform can take single records back. */
  readonly redeliver?: 'can' | 'can not';
}

/**
 * What the promises demand under some circumstances. Where chance decides which connection is hit, there are several
 * fates, and each name has one of them.
 */
export interface Expectation {
  readonly fault: string;
  /** Made anew for each use: there are dates in it. */
  readonly under: () => Circumstances;
  readonly fates: readonly Fate[];
  /** Of the name that OMS refuses in the mixed batch, where it differs from the rule in the test. */
  readonly refusedName?: Fate;
  /** It takes so long at least: the other side has asked for patience. */
  readonly leastMs?: number;
}

/** What has faults. The log bucket is OBS where nothing else is said. */
export type Layer =
  | 'OMS'
  | 'log bucket'
  | 'log bucket in S3'
  | 'log bucket in Blob Storage'
  | 'log bucket in Cloud Storage'
  | 'platform';

const always = Infinity;
const farTooLongMs = 60_000;
/** Where somebody is silent, time passes. */
const soon = { timeLeftMs: 5000, requestTimeoutMs: 1000 };

/** The columns: layers × faults. `x 1`: the first time only, so that a retry helps. */
export const table: Readonly<Record<Layer, readonly Expectation[]>> = {
  OMS: [
    row('nothing', {}, 'requested'),

    // Every code that facts of OMS and its gateway name. OMS lists all of its own under HTTP 400.
    ...words(
      'OMS.0001 OMS.0002 OMS.0004 OMS.0005 OMS.0054 OMS.0061 OMS.0064 OMS.0067 OMS.0074 OMS.0151',
      'OMS.1002 OMS.1003 OMS.1004 OMS.1006 OMS.1007 OMS.1008 OMS.1009 OMS.1010 OMS.9999',
    ).map((code) => row(`400 ${code}`, answer(400, code), 'refused')),
    ...words('OMS.0053 OMS.0068 OMS.0072 OMS.0201 OMS.0202 OMS.0203 OMS.0204 OMS.1005').map((code) =>
      row(`400 ${code}`, answer(400, code), 'identity'),
    ),
    ...words('OMS.0077 OMS.1021').map((code) => row(`400 ${code}`, answer(400, code), 'quota')),
    row('400 OMS.1001', answer(400, 'OMS.1001'), 'passing'),
    row('400 OMS.1001 x 1', answer(400, 'OMS.1001', 1), 'requested'),
    // The same with the status that one would expect of them.
    row('401 OMS.0068', answer(401, 'OMS.0068'), 'identity'),
    row('401 OMS.1005', answer(401, 'OMS.1005'), 'identity'),
    row('403 OMS.0072', answer(403, 'OMS.0072'), 'identity'),
    row('404 OMS.0054', answer(404, 'OMS.0054'), 'refused'),
    row('405 OMS.1008', answer(405, 'OMS.1008'), 'refused'),
    row('429 OMS.0077', answer(429, 'OMS.0077'), 'quota'),
    row('500 OMS.0053', answer(500, 'OMS.0053'), 'identity'),
    // Why a copy failed: no answer to a request, but listed with them.
    row('200 TRF.0001', answer(200, 'TRF.0001'), 'refused'),
    row('400 TRF.0001', answer(400, 'TRF.0001'), 'refused'),
    // OMS calls the gateway APIGW, which calls itself APIG.
    ...words('APIG APIGW').flatMap((gateway) => [
      row(`401 ${gateway}.0301`, answer(401, `${gateway}.0301`), 'identity'),
      row(`403 ${gateway}.0304`, answer(403, `${gateway}.0304`), 'identity'),
      row(`404 ${gateway}.0101`, answer(404, `${gateway}.0101`), 'refused'),
      ...[413, 414, 494].map((status) =>
        row(`${status} ${gateway}.0201`, answer(status, `${gateway}.0201`), 'refused'),
      ),
    ]),
    row('401 without a code', answerText(401, ''), 'identity'),
    row(
      '401 with the number of the request',
      answerText(401, '{"error_msg":"no","error_code":"APIG.0301","request_id":"aded5b7c57e3bb8f"}'),
      'identity',
    ),
    row(
      '401 that shows the keys',
      answerText(401, JSON.stringify({ error_code: 'APIG.0301', error_msg: JSON.stringify(testKeys) })),
      'identity',
    ),
    row('403 of a firewall', answerText(403, '<html>Forbidden</html>'), 'identity'),
    // A batch is split, since it may be about one name; a name alone is not.
    row('403 of a firewall x 1', answerText(403, '<html>Forbidden</html>', 1), ['requested', 'identity']),
    row('404 OMS.1009', answer(404, 'OMS.1009'), 'refused'),
    row('413 APIG.0201 x 1', answer(413, 'APIG.0201', 1), ['requested', 'refused']),
    // As a gateway's own pages are: without a code, or not even JSON.
    ...[408, 425, 429, 500, 502, 503, 504].flatMap((status) => [
      row(`${status} without a body`, answerText(status, ''), 'passing'),
      row(`${status} with a page of HTML x 1`, answerText(status, '<html>Wait</html>', 1), 'requested'),
    ]),
    ...(
      [
        [429, 'APIG.0308'],
        [429, 'APIGW.0308'],
        [500, 'OMS.1001'],
        [500, 'OMS.0064'],
        [502, 'APIG.0201'],
        [502, 'APIGW.0201'],
        [503, 'OMS.1001'],
        [504, 'APIG.0201'],
        [504, 'APIGW.0201'],
      ] as const
    ).flatMap(([status, code]) => [
      row(`${status} ${code}`, answer(status, code), 'passing'),
      row(`${status} ${code} x 1`, answer(status, code, 1), 'requested'),
    ]),

    ...[429, 500, 503].flatMap((status) => [
      patient(row(`${status}, Retry-After: 2, x 1`, retryAfter(status, 2, 1), 'requested'), 2000),
      // A date knows whole seconds, so it may be almost one second earlier.
      patient(
        row(
          `${status}, Retry-After: a date in 3 s, x 1`,
          () => retryAfter(status, dateIn(3), 1),
          'requested',
        ),
        2000 - 100,
      ),
    ]),
    row('503, Retry-After: 0, x 1', retryAfter(503, 0, 1), 'requested'),
    row('503, Retry-After: a date that is past, x 1', retryAfter(503, dateIn(-3600), 1), 'requested'),
    row('503, Retry-After: no time at all, x 1', retryAfter(503, 'later', 1), 'requested'),
    row('503, Retry-After: beyond the deadline', retryAfter(503, 30), 'passing'),
    row('503, Retry-After: a date beyond the deadline', () => retryAfter(503, dateIn(30)), 'passing'),
    // Of several batches, only what is under way already can get through.
    row('429, Retry-After: an hour, x 1', retryAfter(429, 3600, 1), ['passing', 'requested']),

    // A success must be one: else it would be a silent loss.
    row('200 with an error in it', answerText(200, '{"error_code":"OMS.0064","error_msg":"no"}'), 'refused'),
    row('200 with a page of HTML', answerText(200, '<html>Log in first</html>'), 'passing'),
    row('200 that is not JSON', { oms: [{ kind: 'garbage' }] }, 'passing'),
    row('200 that is not JSON x 1', { oms: [{ kind: 'garbage', times: 1 }] }, 'requested'),
    row('200 cut off', { oms: [{ kind: 'truncated' }] }, 'passing'),
    row('200 cut off x 1', { oms: [{ kind: 'truncated', times: 1 }] }, 'requested'),
    row('302 to another place', answerText(302, ''), 'refused'),
    row('400 with a page of HTML', answerText(400, '<html>Bad request</html>'), 'refused'),
    row('400 cut off', answerText(400, '{"error_code":"OMS.10'), 'refused'),

    row('answers after 100 ms', { oms: [{ kind: 'slow', delayMs: 100 }] }, 'requested'),
    row('answers far too late', { ...soon, oms: [{ kind: 'slow', delayMs: farTooLongMs }] }, 'passing'),
    row(
      'answers far too late x 1',
      { ...soon, oms: [{ kind: 'slow', delayMs: farTooLongMs, times: 1 }] },
      'requested',
    ),

    ...network('omsNetwork', { always: 'passing', once: 'requested' }),
    ...addresses('omsAddress', 'passing'),
    row('expired keys', { expiredAt: 'OMS' }, 'identity'),
    row('clock 16 minutes behind', { skewedAt: 'OMS' }, 'identity'),
    row('clock 16 minutes ahead', { skewedAt: 'OMS', skewMinutes: -16 }, 'identity'),
  ],

  'log bucket': [
    row('nothing', {}, 'requested'),
    ...refusals({
      lasting: [
        [400, 'InvalidArgument'],
        [403, 'AccessDenied'],
        [403, 'InvalidAccessKeyId'],
        [403, 'SignatureDoesNotMatch'],
        [404, 'NoSuchBucket'],
        [405, 'MethodNotAllowed'],
      ],
      passing: [
        [400, 'RequestTimeout'],
        [409, 'OperationAborted'],
        [429, 'TooManyRequests'],
        [500, 'InternalError'],
        [501, 'ServerNotImplemented'],
        [503, 'ServiceUnavailable'],
        [503, 'SlowDown'],
      ],
    }),
    row(
      '403 for the failed list alone',
      {
        logBucket: [
          {
            kind: 'answer',
            status: 403,
            code: 'AccessDenied',
            keyPrefix: 'oms_source_record/failed_object/',
          },
        ],
      },
      'requested',
      'returned',
    ),
    ...anyLogBucket(),
    row('expired keys', { expiredAt: 'log bucket' }, 'returned'),
    row('clock 16 minutes behind', { skewedAt: 'log bucket' }, 'returned'),
    row('clock 16 minutes ahead', { skewedAt: 'log bucket', skewMinutes: -16 }, 'returned'),
    row('expired keys, at OMS too', { expiredAt: 'both' }, 'returned'),
    row('clock 16 minutes behind, at OMS too', { skewedAt: 'both' }, 'returned'),
    row(
      'away, and OMS too',
      { logBucketAddress: 'nobody listens', omsAddress: 'nobody listens' },
      'returned',
    ),
  ],

  // The stores of the other clouds: what they answer is theirs, all else is the same.
  'log bucket in S3': [
    row('nothing', {}, 'requested'),
    ...refusals({
      lasting: [
        [301, 'PermanentRedirect'],
        [400, 'ExpiredToken'],
        [403, 'AccessDenied'],
        [403, 'InvalidAccessKeyId'],
        [403, 'SignatureDoesNotMatch'],
        [404, 'NoSuchBucket'],
        [412, 'PreconditionFailed'],
      ],
      passing: [
        [400, 'RequestTimeout'],
        [409, 'OperationAborted'],
        [429, 'TooManyRequests'],
        [500, 'InternalError'],
        [503, 'ServiceUnavailable'],
        [503, 'SlowDown'],
      ],
    }),
    ...anyLogBucket(),
    row('expired keys', { expiredAt: 'log bucket' }, 'returned'),
    row('clock 16 minutes behind', { skewedAt: 'log bucket' }, 'returned'),
    row('clock 16 minutes ahead', { skewedAt: 'log bucket', skewMinutes: -16 }, 'returned'),
  ],

  // Azurite's clock is ours: Azure says of a clock that is off what it says of a wrong key.
  'log bucket in Blob Storage': [
    row('nothing', {}, 'requested'),
    ...refusals({
      lasting: [
        [400, 'InvalidHeaderValue'],
        [403, 'AuthenticationFailed'],
        [403, 'AuthorizationFailure'],
        [403, 'AuthorizationPermissionMismatch'],
        [404, 'ContainerNotFound'],
        [409, 'BlobImmutableDueToPolicy'],
        [412, 'LeaseIdMissing'],
      ],
      passing: [
        [408, 'Timeout'],
        [409, 'ContainerBeingDeleted'],
        [429, 'TooManyRequests'],
        [500, 'InternalError'],
        [500, 'OperationTimedOut'],
        [503, 'ServerBusy'],
      ],
    }),
    ...anyLogBucket(),
    row('expired keys', { expiredAt: 'log bucket' }, 'returned'),
  ],

  // The SDK sends no credentials to the stand-in: what Google says of them are the answers.
  'log bucket in Cloud Storage': [
    row('nothing', {}, 'requested'),
    ...refusals({
      lasting: [
        [400, 'invalid'],
        [401, 'authError'],
        [403, 'forbidden'],
        [404, 'notFound'],
        [412, 'conditionNotMet'],
      ],
      passing: [
        [408, 'requestTimeout'],
        [429, 'rateLimitExceeded'],
        [500, 'backendError'],
        [502, 'backendError'],
        [503, 'backendError'],
        [504, 'gatewayTimeout'],
      ],
    }),
    ...anyLogBucket(),
  ],

  platform: [
    row('has no time left', { timeLeftMs: 0 }, 'returned'),
    row('had no time left a second ago', { timeLeftMs: -1000 }, 'returned'),
    row('has 3 s left', { timeLeftMs: 3000 }, 'requested'),
    row('has 2 s left, OMS is silent', { timeLeftMs: 2000, oms: [{ kind: 'black-hole' }] }, 'passing'),
    row('has 0.2 s left, OMS is silent', { timeLeftMs: 200, oms: [{ kind: 'black-hole' }] }, [
      'passing',
      'returned',
    ]),
    row(
      'has 1 s left, the log bucket is silent',
      { timeLeftMs: 1000, logBucket: [{ kind: 'black-hole' }] },
      'returned',
    ),
    row('delivers each name twice in an event', { delivery: 'each name twice' }, 'requested'),
    row('delivers the event twice at a time', { delivery: 'twice at a time' }, 'requested'),
    row('freezes the instance: old connections are dead', { delivery: 'again after a freeze' }, 'requested'),
    row(
      'takes back single records, OMS is away',
      { redeliver: 'can', omsAddress: 'nobody listens' },
      'returned',
    ),
    row(
      'takes back single records, OMS refuses',
      { redeliver: 'can', ...answer(400, 'OMS.0064') },
      'refused',
    ),
    row('takes back single records, wrong keys', { redeliver: 'can', expiredAt: 'OMS' }, 'identity'),
    row('takes nothing back, OMS is away', { redeliver: 'can not', omsAddress: 'nobody listens' }, 'passing'),
  ],
};

function row(
  fault: string,
  under: Circumstances | (() => Circumstances),
  fates: Fate | readonly Fate[],
  refusedName?: Fate,
): Expectation {
  return {
    fault,
    under: typeof under === 'function' ? under : () => under,
    fates: typeof fates === 'string' ? [fates] : fates,
    ...(refusedName !== undefined && { refusedName }),
  };
}

/** The same, but it must not be over sooner. */
function patient(expectation: Expectation, leastMs: number): Expectation {
  return { ...expectation, leastMs };
}

/** The faults of the network, which are the same on each way. */
function network(
  way: 'omsNetwork' | 'logBucketNetwork',
  fates: { readonly always: Fate; readonly once: Fate },
): Expectation[] {
  const on = (...faults: NetworkFault[]): Circumstances => ({ [way]: faults });
  const answerCut = (times: number) => on({ kind: 'data-limit', direction: 'down', bytes: 30, times });
  const requestCut = (times: number) => on({ kind: 'data-limit', direction: 'up', bytes: 300, times });
  return [
    row('latency of 40 to 80 ms each way', on({ kind: 'latency', ms: 40, jitterMs: 40 }), 'requested'),
    row('20 kB a second', on({ kind: 'bandwidth', bytesPerSecond: 20_000 }), 'requested'),
    row('pieces of 11 bytes', on({ kind: 'slicer', bytes: 11 }), 'requested'),
    row('connections that close late', on({ kind: 'slow-close', ms: 100 }), 'requested'),
    row(
      'all of these',
      on(
        { kind: 'latency', ms: 5, jitterMs: 5 },
        { kind: 'bandwidth', bytesPerSecond: 100_000 },
        { kind: 'slicer', bytes: 100 },
        { kind: 'slow-close', ms: 20 },
      ),
      'requested',
    ),
    row('black hole', { ...soon, ...on({ kind: 'black-hole' }) }, fates.always),
    row('black hole x 1', { ...soon, ...on({ kind: 'black-hole', times: 1 }) }, fates.once),
    row('answers vanish', { ...soon, ...on({ kind: 'black-hole', direction: 'down' }) }, fates.always),
    row(
      'the answer stops half way x 1',
      { ...soon, ...on({ kind: 'black-hole', direction: 'down', bytes: 30, times: 1 }) },
      fates.once,
    ),
    row('30 bytes a second', { ...soon, ...on({ kind: 'bandwidth', bytesPerSecond: 30 }) }, fates.always),
    ...(['before-body', 'during-body', 'after-body', 'during-answer'] as const).flatMap((when) => [
      row(`reset ${when}`, on({ kind: 'reset', when }), fates.always),
      row(`reset ${when} x 1`, on({ kind: 'reset', when, times: 1 }), fates.once),
    ]),
    row('the request cut off', requestCut(always), fates.always),
    row('the request cut off x 1', requestCut(1), fates.once),
    row('the answer cut off', answerCut(always), fates.always),
    row('the answer cut off x 1', answerCut(1), fates.once),
    row('no connection allowed', on({ kind: 'connection-limit', most: 0 }), fates.always),
    // Who gets the one connection first is chance, and a try that comes too early fails.
    row('one connection allowed', on({ kind: 'connection-limit', most: 1 }), ['requested', fates.always]),
  ];
}

function addresses(which: 'omsAddress' | 'logBucketAddress', fate: Fate): Expectation[] {
  const bad: readonly BadAddress[] = [
    'nobody listens',
    'unknown host',
    'wrong certificate',
    'plain text on the TLS port',
    'reset in the TLS handshake',
  ];
  return [
    ...bad.map((address) => row(address, { [which]: address }, fate)),
    row('silence in the TLS handshake', { ...soon, [which]: 'silence in the TLS handshake' }, fate),
  ];
}

/** What goes wrong with a log bucket in any store. */
function anyLogBucket(): Expectation[] {
  const page = (status: number, times = always, text = 'Log in') =>
    refusal(status, '', times, { page: `<html>${text}</html>` });
  return [
    row('503, Retry-After: 1, x 1', refusal(503, 'SlowDown', 1, { retryAfter: 1 }), 'requested'),
    row(
      '503, Retry-After: a date in 1 s, x 1',
      () => refusal(503, 'SlowDown', 1, { retryAfter: dateIn(1) }),
      'requested',
    ),
    // A success must be one: else what is on no list would be acknowledged.
    row('200 with a page of HTML', page(200), 'returned'),
    row('200 with a page of HTML x 1', page(200, 1), 'requested'),
    row('302 with a page of HTML', page(302), 'returned'),
    row('403 with a page of HTML', page(403), 'returned'),
    row('403 with a page that shows the keys', page(403, always, JSON.stringify(testKeys)), 'returned'),
    row('502 with a page of HTML', page(502), 'returned'),
    row('502 with a page of HTML x 1', page(502, 1), 'requested'),
    row('answers after 100 ms', { logBucket: [{ kind: 'slow', delayMs: 100 }] }, 'requested'),
    row(
      'answers far too late',
      { ...soon, logBucket: [{ kind: 'slow', delayMs: farTooLongMs }] },
      'returned',
    ),
    row(
      'answers far too late x 1',
      { ...soon, logBucket: [{ kind: 'slow', delayMs: farTooLongMs, times: 1 }] },
      'requested',
    ),
    row('writes, but its answer is cut off', { logBucket: [{ kind: 'truncated' }] }, 'returned'),
    row(
      'writes, but its answer is cut off x 1',
      { logBucket: [{ kind: 'truncated', times: 1 }] },
      'requested',
    ),
    ...network('logBucketNetwork', { always: 'returned', once: 'requested' }),
    ...addresses('logBucketAddress', 'returned'),
  ];
}

type Refusal = readonly [status: number, code: string];

/** What a store refuses for good, and for now. */
function refusals(codes: {
  readonly lasting: readonly Refusal[];
  readonly passing: readonly Refusal[];
}): Expectation[] {
  return [
    ...[...codes.lasting, ...codes.passing].map(([status, code]) =>
      row(`${status} ${code}`, refusal(status, code), 'returned'),
    ),
    ...codes.passing.map(([status, code]) =>
      row(`${status} ${code} x 1`, refusal(status, code, 1), 'requested'),
    ),
  ];
}

function answer(status: number, errorCode: string, times: number = always): Circumstances {
  return { oms: [limited({ kind: 'answer', status, errorCode }, times)] };
}

function answerText(status: number, body: string, times: number = always): Circumstances {
  return { oms: [limited({ kind: 'answer', status, body }, times)] };
}

function retryAfter(status: number, after: number | string, times: number = always): Circumstances {
  return { oms: [limited({ kind: 'answer', status, retryAfter: after }, times)] };
}

function refusal(
  status: number,
  code: string,
  times: number = always,
  more: { readonly retryAfter?: number | string; readonly page?: string } = {},
): Circumstances {
  return { logBucket: [{ kind: 'answer', status, code, times, ...more }] };
}

/** The stand-in of OMS takes no infinite number of times. */
function limited(fault: OmsFault, times: number): OmsFault {
  return times === always ? fault : { ...fault, times };
}

/** In the form of HTTP dates, which know whole seconds. */
function dateIn(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}

function words(...lines: string[]): string[] {
  return lines.join(' ').split(' ');
}
