import type { NetworkFault } from '@oms-sync/fault-proxy';
import type { Fault as ObsFault } from '@oms-sync/obs-standin';
import type { Fault as OmsFault } from '@oms-sync/oms-standin';

/** Where a name ends: requested, on the failed list with this class of reason, or returned to the platform. */
export type Fate = 'requested' | 'refused' | 'identity' | 'quota' | 'passing' | 'returned';

/** An address that leads nowhere. */
export type BadAddress =
  'nobody listens' | 'unknown host' | 'wrong certificate' | 'plain text on the TLS port';

/** What goes wrong around one invocation. */
export interface Circumstances {
  /** What OMS does. */
  readonly oms?: readonly OmsFault[];
  /** What happens on the way to OMS. */
  readonly omsNetwork?: readonly NetworkFault[];
  readonly omsAddress?: BadAddress;
  /** What the log bucket does, an OBS. */
  readonly obs?: readonly ObsFault[];
  readonly obsNetwork?: readonly NetworkFault[];
  readonly obsAddress?: BadAddress;
  /** Who does not accept our keys any more. */
  readonly expiredAt?: 'oms' | 'obs' | 'both';
  /** Whose clock is 16 minutes ahead of ours. */
  readonly skewedAt?: 'oms' | 'obs' | 'both';
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
}

const always = Infinity;
const farTooLongMs = 60_000;
/** Where somebody is silent, time passes. */
const soon = { timeLeftMs: 5000, requestTimeoutMs: 1000 };

/** The columns: layers × faults. `x 1`: the first time only, so that a retry helps. */
export const table: Readonly<Record<'OMS' | 'log bucket' | 'platform', readonly Expectation[]>> = {
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
    row('401 APIG.0301', answer(401, 'APIG.0301'), 'identity'),
    row('401 APIGW.0301', answer(401, 'APIGW.0301'), 'identity'),
    row('401 without a code', answerText(401, ''), 'identity'),
    row('403 APIG.0304', answer(403, 'APIG.0304'), 'identity'),
    row('403 of a firewall', answerText(403, '<html>Forbidden</html>'), 'identity'),
    // A batch is split, since it may be about one name; a name alone is not.
    row('403 of a firewall x 1', answerText(403, '<html>Forbidden</html>', 1), ['requested', 'identity']),
    row('404 APIG.0101', answer(404, 'APIG.0101'), 'refused'),
    row('404 OMS.1009', answer(404, 'OMS.1009'), 'refused'),
    row('413 APIG.0201', answer(413, 'APIG.0201'), 'refused'),
    row('413 APIG.0201 x 1', answer(413, 'APIG.0201', 1), ['requested', 'refused']),
    row('414 APIG.0201', answer(414, 'APIG.0201'), 'refused'),
    row('494 APIG.0201', answer(494, 'APIG.0201'), 'refused'),
    ...[408, 425].flatMap((status) => [
      row(`${status}`, answerText(status, ''), 'passing'),
      row(`${status} x 1`, answerText(status, '', 1), 'requested'),
    ]),
    ...(
      [
        [429, 'APIG.0308'],
        [429, 'APIGW.0308'],
        [500, 'OMS.1001'],
        [500, 'OMS.0064'],
        [502, 'APIG.0201'],
        [503, 'OMS.1001'],
        [504, 'APIG.0201'],
      ] as const
    ).flatMap(([status, code]) => [
      row(`${status} ${code}`, answer(status, code), 'passing'),
      row(`${status} ${code} x 1`, answer(status, code, 1), 'requested'),
    ]),

    row('429, Retry-After: 1, x 1', retryAfter(429, 1, 1), 'requested'),
    row('503, Retry-After: 0, x 1', retryAfter(503, 0, 1), 'requested'),
    row('503, Retry-After: a date in 1 s, x 1', () => retryAfter(503, dateIn(1), 1), 'requested'),
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
    row('expired keys', { expiredAt: 'oms' }, 'identity'),
    row('clock 16 minutes off', { skewedAt: 'oms' }, 'identity'),
  ],

  'log bucket': [
    row('nothing', {}, 'requested'),
    ...(
      [
        [400, 'InvalidArgument'],
        [403, 'AccessDenied'],
        [403, 'InvalidAccessKeyId'],
        [404, 'NoSuchBucket'],
        [405, 'MethodNotAllowed'],
        [409, 'OperationAborted'],
        [429, 'TooManyRequests'],
        [500, 'InternalError'],
        [501, 'ServerNotImplemented'],
        [503, 'ServiceUnavailable'],
        [503, 'SlowDown'],
      ] as const
    ).map(([status, code]) => row(`${status} ${code}`, obsAnswer(status, code), 'returned')),
    ...(
      [
        [400, 'RequestTimeout'],
        [409, 'OperationAborted'],
        [429, 'TooManyRequests'],
        [500, 'InternalError'],
        [503, 'SlowDown'],
      ] as const
    ).map(([status, code]) => row(`${status} ${code} x 1`, obsAnswer(status, code, 1), 'requested')),
    row(
      '503 SlowDown, Retry-After: 1, x 1',
      { obs: [{ kind: 'answer', status: 503, code: 'SlowDown', retryAfter: 1, times: 1 }] },
      'requested',
    ),
    row(
      '403 for the failed list alone',
      {
        obs: [
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
    row('answers after 100 ms', { obs: [{ kind: 'slow', delayMs: 100 }] }, 'requested'),
    row('answers far too late', { ...soon, obs: [{ kind: 'slow', delayMs: farTooLongMs }] }, 'returned'),
    row('writes, but its answer is cut off', { obs: [{ kind: 'truncated' }] }, 'returned'),
    row('writes, but its answer is cut off x 1', { obs: [{ kind: 'truncated', times: 1 }] }, 'requested'),
    // A write has 10 s, the invocation less: what fell into the hole is returned, the rest is written.
    ...network('obsNetwork', { always: 'returned', once: 'requested', holeOnce: ['requested', 'returned'] }),
    ...addresses('obsAddress', 'returned'),
    row('expired keys', { expiredAt: 'obs' }, 'returned'),
    row('clock 16 minutes off', { skewedAt: 'obs' }, 'returned'),
    row('expired keys, at OMS too', { expiredAt: 'both' }, 'returned'),
    row('clock 16 minutes off, at OMS too', { skewedAt: 'both' }, 'returned'),
    row('away, and OMS too', { obsAddress: 'nobody listens', omsAddress: 'nobody listens' }, 'returned'),
  ],

  platform: [
    row('has no time left', { timeLeftMs: 0 }, 'returned'),
    row('has 3 s left', { timeLeftMs: 3000 }, 'requested'),
    row('has 2 s left, OMS is silent', { timeLeftMs: 2000, oms: [{ kind: 'black-hole' }] }, 'passing'),
    row('has 0.2 s left, OMS is silent', { timeLeftMs: 200, oms: [{ kind: 'black-hole' }] }, [
      'passing',
      'returned',
    ]),
    row(
      'has 1 s left, the log bucket is silent',
      { timeLeftMs: 1000, obs: [{ kind: 'black-hole' }] },
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
    row('takes back single records, wrong keys', { redeliver: 'can', expiredAt: 'oms' }, 'identity'),
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

/** The faults of the network, which are the same on each way. */
function network(
  way: 'omsNetwork' | 'obsNetwork',
  fates: {
    readonly always: Fate;
    readonly once: Fate;
    readonly holeOnce?: readonly Fate[];
  },
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
    row('black hole x 1', { ...soon, ...on({ kind: 'black-hole', times: 1 }) }, fates.holeOnce ?? fates.once),
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

function addresses(which: 'omsAddress' | 'obsAddress', fate: Fate): Expectation[] {
  const bad: readonly BadAddress[] = [
    'nobody listens',
    'unknown host',
    'wrong certificate',
    'plain text on the TLS port',
  ];
  return bad.map((address) => row(address, { [which]: address }, fate));
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

function obsAnswer(status: number, code: string, times: number = always): Circumstances {
  return { obs: [{ kind: 'answer', status, code, times }] };
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
