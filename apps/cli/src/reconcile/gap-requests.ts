import type { Instance, LogSink, StorageRecord } from '@oms-sync/core';
import type { RequestTotals } from './totals.ts';

/** So many are requested together, and stand in one file of the lists. */
const namesInABatch = 1000;
/** After so many batches of which OMS took nothing, the rest is left for another run. */
const maxBatchesInVain = 3;

export interface GapRequestsOptions {
  /** What requests; undefined for a dry run. */
  readonly instance: Pick<Instance, 'synchronize'> | undefined;
  /** Where the objects are, as the lists have it. */
  readonly store: string;
  readonly bucket: string | undefined;
  readonly log: LogSink;
}

/** Requests what is missing or stale while the comparison finds it. */
export class GapRequests {
  readonly #options: GapRequestsOptions;
  #batch: string[] = [];
  #wanted = 0;
  #requested = 0;
  #batchesInVain = 0;
  #problem: string | undefined;

  constructor(options: GapRequestsOptions) {
    this.#options = options;
  }

  /** Waits until OMS has been asked for those before it, if there are many. */
  async add(name: string): Promise<void> {
    this.#wanted++;
    if (this.#options.instance === undefined || this.#batchesInVain >= maxBatchesInVain) return;
    this.#batch.push(name);
    if (this.#batch.length >= namesInABatch) await this.#send();
  }

  /** Requests what is left. */
  async finish(): Promise<RequestTotals> {
    await this.#send();
    const isDryRun = this.#options.instance === undefined;
    return {
      isDryRun,
      wanted: this.#wanted,
      requested: this.#requested,
      unrequested: isDryRun ? 0 : this.#wanted - this.#requested,
      problem: this.#problem,
    };
  }

  async #send(): Promise<void> {
    const { instance, store, bucket, log } = this.#options;
    if (instance === undefined || this.#batch.length === 0) return;
    const records = this.#batch.map((name): StorageRecord => ({ kind: 'created', name, store, bucket }));
    this.#batch = [];
    const { report, problem } = await instance.synchronize(records, {
      deadline: Infinity,
      requestId: undefined,
      log,
    });
    this.#requested += report.requested;
    this.#problem ??= problem?.message;
    this.#batchesInVain = report.requested === 0 ? this.#batchesInVain + 1 : 0;
    if (this.#batchesInVain >= maxBatchesInVain) {
      this.#problem ??= `OMS took none of the last ${maxBatchesInVain * namesInABatch} objects, so no more were sent`;
    }
  }
}
