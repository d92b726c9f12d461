import type { Fault as StoreFault, ObsStandin } from '@oms-sync/obs-standin';
import type { Fault, OmsStandin } from '@oms-sync/oms-standin';

/** A time in which some things go wrong. */
export interface Phase {
  readonly name: string;
  readonly oms: readonly Fault[];
  readonly store: readonly StoreFault[];
}

/** They take turns. Between any two troubles there is a calm: what is measured there must not change with time. */
export const phases: readonly Phase[] = [
  { name: 'calm', oms: [], store: [] },
  { name: 'OMS busy', oms: [{ kind: 'answer', status: 503, share: 0.3 }], store: [] },
  { name: 'calm', oms: [], store: [] },
  {
    name: 'OMS throttles',
    oms: [{ kind: 'answer', status: 429, errorCode: 'APIG.0308', retryAfter: 1, share: 0.02 }],
    store: [],
  },
  { name: 'calm', oms: [], store: [] },
  {
    name: 'bad network to OMS',
    oms: [
      { kind: 'reset', when: 'after', share: 0.1 },
      { kind: 'reset', when: 'before', share: 0.1 },
      { kind: 'truncated', share: 0.05 },
      { kind: 'slow', delayMs: 300, share: 0.1 },
    ],
    store: [],
  },
  { name: 'calm', oms: [], store: [] },
  { name: 'OMS silent', oms: [{ kind: 'black-hole', share: 0.05 }], store: [] },
  { name: 'calm', oms: [], store: [] },
  {
    name: 'store in trouble',
    oms: [],
    store: [
      { kind: 'answer', status: 503, code: 'SlowDown', share: 0.2 },
      { kind: 'reset', share: 0.1 },
      { kind: 'slow', delayMs: 200, share: 0.1 },
    ],
  },
  { name: 'calm', oms: [], store: [] },
  {
    name: 'wrong keys',
    oms: [{ kind: 'answer', status: 401, errorCode: 'APIG.0301', share: 0.2 }],
    store: [],
  },
];

export function setFaults({ oms, store }: Phase, standins: { oms: OmsStandin; obs: ObsStandin }): void {
  standins.oms.faults.set(oms);
  standins.obs.faults.set(store);
}
