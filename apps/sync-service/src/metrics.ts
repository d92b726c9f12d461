import { performance } from 'node:perf_hooks';
import type { Reason, Replay, Report, SyncEventSink } from '@oms-sync/core';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DispatchObserver, Dispatcher } from './dispatcher.ts';
import { History } from './history.ts';
import { findOldest } from './readiness.ts';
import type { Source } from './source.ts';

type Outcome = Exclude<keyof Report, 'received' | 'returned'>;
const outcomes: readonly Outcome[] = ['requested', 'unrequested', 'filtered', 'merged'];

/** What the gauges show: read when somebody asks. */
export interface Observed {
  readonly dispatcher: Pick<
    Dispatcher,
    'held' | 'oldestHeldSince' | 'oldestWaitingSince' | 'isPaused' | 'isResting'
  >;
  readonly sources: readonly Source[];
  /** What waits in the queue of the service itself. */
  readonly backlog: () => { readonly count: number; readonly oldestSince: number | undefined };
}

/** What the service counts, for Prometheus. Names: docs/guides/watch-the-service.md. */
export class Metrics implements DispatchObserver {
  readonly registry = new Registry();
  /** The same for the dashboard. */
  readonly history = new History();
  readonly #received: Counter;
  readonly #settled: Counter;
  readonly #delayed: Counter;
  readonly #handedBack: Counter;
  readonly #refused: Counter;
  readonly #repeated: Counter;
  readonly #lastRequested: Gauge;
  readonly #requestSeconds: Histogram;
  readonly #failedKeys: Gauge;
  readonly #replayed: Counter;

  constructor({ isDefault = true }: { readonly isDefault?: boolean } = {}) {
    const registers = [this.registry];
    if (isDefault) collectDefaultMetrics({ register: this.registry });
    this.#received = new Counter({
      name: 'oms_sync_records_received_total',
      help: 'Records taken from a source',
      labelNames: ['source'],
      registers,
    });
    this.#settled = new Counter({
      name: 'oms_sync_records_settled_total',
      help: 'Records that are done with: requested, unrequested (on the failed list), filtered, merged',
      labelNames: ['source', 'outcome'],
      registers,
    });
    this.#delayed = new Counter({
      name: 'oms_sync_records_delayed_total',
      help: 'Times that a record could not be settled and waits for another try',
      labelNames: ['source'],
      registers,
    });
    this.#handedBack = new Counter({
      name: 'oms_sync_records_handed_back_total',
      help: 'Records that a stop of the service left with their source',
      labelNames: ['source'],
      registers,
    });
    this.#refused = new Counter({
      name: 'oms_sync_notifications_refused_total',
      help: 'Notifications that were not accepted',
      labelNames: ['source', 'reason'],
      registers,
    });
    this.#repeated = new Counter({
      name: 'oms_sync_notifications_repeated_total',
      help: 'Notifications that had been accepted before',
      labelNames: ['source'],
      registers,
    });
    this.#lastRequested = new Gauge({
      name: 'oms_sync_last_requested_timestamp_seconds',
      help: 'When OMS last took a request, in seconds since 1970; 0 if it never did',
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'oms_sync_oms_request_seconds',
      help: 'How long requests to OMS took',
      labelNames: ['result'],
      buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#failedKeys = new Gauge({
      name: 'oms_sync_failed_list_keys',
      help: 'Keys of the failed list after the last replay; with layout list a key holds many objects',
      registers,
    });
    this.#replayed = new Counter({
      name: 'oms_sync_replayed_total',
      help: 'Entries of the failed list that a replay took in hand, by outcome',
      labelNames: ['outcome'],
      registers,
    });
  }

  /** Adds what is read when somebody asks. */
  observe({ dispatcher, sources, backlog }: Observed): void {
    const add = (name: string, help: string, read: () => number) =>
      this.#addGauge(name, help, [], (gauge) => gauge.set(read()));
    add('oms_sync_records_held', 'Records received and not settled', () => dispatcher.held);
    add('oms_sync_backlog', 'Notifications that wait in the queue of the service', () => backlog().count);
    add('oms_sync_oldest_unsettled_seconds', 'Age of the oldest record or notification not settled', () => {
      const since = findOldest({ dispatcher, backlog });
      return since === undefined ? 0 : Math.max(0, Date.now() - since) / 1000;
    });
    add('oms_sync_paused', '1 while the service is paused', () => Number(dispatcher.isPaused));
    add('oms_sync_resting', '1 while OMS or the log bucket takes nothing', () =>
      Number(dispatcher.isResting),
    );
    this.#addGauge('oms_sync_source_up', '1 while a source is connected', ['source'], (gauge) => {
      for (const { name, state } of sources) {
        const isUp = state.status === 'running' || state.status === 'waiting';
        gauge.set({ source: name }, Number(isUp));
      }
    });
    const waiting = 'What waits at a source itself: messages, rows, or bytes that a replication slot retains';
    this.#addGauge('oms_sync_source_backlog', waiting, ['source', 'unit'], (gauge) => {
      for (const { name: source, state } of sources) {
        const { count, unit } = state.backlog ?? {};
        if (count !== undefined && unit !== undefined) gauge.set({ source, unit }, count);
      }
    });
  }

  #addGauge(name: string, help: string, labelNames: readonly string[], read: (gauge: Gauge) => void): void {
    const gauge: Gauge = new Gauge({ name, help, labelNames, registers: [], collect: () => read(gauge) });
    this.registry.registerMetric(gauge);
  }

  received(source: string, records: number): void {
    this.#received.inc({ source }, records);
    this.history.totals.received += records;
  }

  settled(source: string, report: Report): void {
    for (const outcome of outcomes) {
      if (report[outcome] > 0) this.#settled.inc({ source, outcome }, report[outcome]);
      this.history.totals[outcome] += report[outcome];
    }
    this.history.lastSettledAt = Date.now();
  }

  delayed(source: string, records: number): void {
    this.#delayed.inc({ source }, records);
  }

  handedBack(source: string, records: number): void {
    this.#handedBack.inc({ source }, records);
  }

  unrequested(source: string, name: string, { code, message }: Reason): void {
    this.history.addFailure({ time: Date.now(), source, name, code, message });
  }

  /** @param reason one of few: it becomes a label. */
  refused(source: string, reason: string): void {
    this.#refused.inc({ source, reason });
    this.history.totals.refused++;
  }

  repeated(source: string): void {
    this.#repeated.inc({ source });
  }

  replayed({ report, leftKeys }: Replay): void {
    for (const outcome of ['requested', 'unrequested', 'merged', 'returned'] as const) {
      if (report[outcome] > 0) this.#replayed.inc({ outcome }, report[outcome]);
    }
    this.#failedKeys.set(leftKeys + report.unrequested + report.returned);
  }

  /** The same sink, with the time of each request measured. */
  measure(sink: SyncEventSink): SyncEventSink {
    return {
      createSyncEvents: async (names, timeoutMs, onSent) => {
        const startedAt = performance.now();
        const done = (result: string) => {
          const ms = performance.now() - startedAt;
          this.#requestSeconds.observe({ result }, ms / 1000);
          this.history.totals.omsRequests++;
          this.history.totals.omsMs += ms;
        };
        try {
          await sink.createSyncEvents(names, timeoutMs, onSent);
        } catch (error) {
          done('failed');
          throw error;
        }
        done('accepted');
        this.#lastRequested.set(Date.now() / 1000);
      },
    };
  }
}
