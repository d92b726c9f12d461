import pLimit from 'p-limit';
import type { FailedObject } from './failed-entry.ts';
import { FailedList, type Lot, type Selection } from './failed-list.ts';
import type { ListName } from './list-keys.ts';
import { LogBucketError, type LogObject } from './log-bucket.ts';
import { noTimeLeft, type ListEntry, type ReceivedObject } from './log-lists.ts';
import { settleObjects, type Settlement, type SyncEnvironment } from './settlement.ts';
import { FailureCount, logEachUnrequested, logUnrequested } from './sync-log.ts';
import type { Reason } from './sync-run.ts';
import type { Report } from './synchronization.ts';
import { planTime, type TimePlan } from './time-plan.ts';

export interface ReplayOptions extends SyncEnvironment {
  /** When the platform ends the invocation, in milliseconds since 1970; `Infinity` if it never does. */
  readonly deadline: number;
  /** The platform's id of the invocation, for the log. */
  readonly requestId?: string | undefined;
  /** How many objects are requested again at most; the rest is for the next run. */
  readonly maxObjects?: number | undefined;
  /** For an operator: what is selected, to the end of the list, instead of the oldest part of it. */
  readonly selected?: SelectedReplay | undefined;
}

/** A replay that an operator asks for. It walks the list in the order of its keys, without a limit. */
export interface SelectedReplay extends Selection {
  /** Ends the run after what it has in hand; what is left stays on the list. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

/** How far a replay is. */
export interface ReplayProgress {
  /** Keys of the list that were looked at. */
  readonly keys: number;
  /** Objects that were taken in hand. */
  readonly received: number;
}

/** What became of the failed list. */
export interface Replay {
  /**
   * `received` counts the entries that were taken in hand. `unrequested` ones are on the list again, with the new reason;
   * `returned` ones stayed on it as they were, since there was no time for them or OMS took nothing.
   */
  readonly report: Report;
  /** How many of the unrequested are parked: no replay tries them again. */
  readonly parked: number;
  /** How many keys of the list were not looked at, as far as it was listed; a key may hold many objects. */
  readonly leftKeys: number;
  /** False if it ended before the end of the list, or more came on it meanwhile. */
  readonly isComplete: boolean;
  /** Entries of other synchronization tasks, that were left alone. */
  readonly ofOtherTasks: number;
  /** Files that another replay had in hand; each may hold many objects. */
  readonly inHand: number;
  /** Why objects were not requested: how often each error code. */
  readonly codes: ReadonlyMap<string, number>;
  /** Why the list could not be read or written. Nothing is lost by it. */
  readonly problem: LogBucketError | undefined;
}

const defaultMaxObjects = 20_000;
/** Keys that are kept of a longer list: more than objects, since some are of other tasks. */
const maxKeys = 50_000;
/** How often a walk past what nobody selected shows that it goes on. */
const keysBetweenProgress = 1000;
/** Names that are settled together; between two such parts there may be an end. */
const objectsInAPart = 1000;
/** Listing a long list must leave time to send. */
const listingShare = 0.4;
/** Less time than this is no use for OMS. */
const leastSendMs = 500;
/** What taking a lot off the list takes, on a slow day. */
const maxReleaseMs = 1000;
/**
 * What OMS has refused before is parked if it is on the list for so long: until then it may have been a setting. Sooner
 * if OMS has accepted other objects in the same run.
 */
const refusedMaxAgeMs = { whileOthersAreAccepted: 24 * 3_600_000, otherwise: 7 * 24 * 3_600_000 };
/** These are about the task, not about an object: no such task. */
const taskCodes = new Set(['OMS.0054', 'OMS.1009', 'HTTP.404']);
/** A run ends after so many lots of which OMS has accepted nothing. */
const maxLotsInVain = 3;
/**
 * That of an operator goes on behind objects that OMS refuses, however many, and ends after so many lots to which OMS
 * has not even said that much.
 */
const maxSilentLots = { selected: 3, otherwise: 1 };

/**
 * Requests what is on the failed list again, the oldest first, and takes off the list what OMS accepted. Ends before the
 * deadline, and early if OMS takes nothing; what is left is for the next run. Two runs at once do no harm: a name may be
 * requested twice.
 *
 * What will never succeed is parked, on the list `parked_object`: what OMS refuses again and again, what is older than
 * `replay_max_age`, and what is no name.
 *
 * Never throws but for a defect.
 */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const run = new ReplayRun(options);
  await run.workUntilDeadline();
  return run.conclude();
}

class ReplayRun {
  readonly #options: ReplayOptions;
  readonly #startedAt: number;
  readonly #writeUntil: number;
  readonly #failedList: FailedList;
  /** What was tried again in vain. */
  readonly #failures = new FailureCount();
  readonly #maxObjects: number;
  /** Half of the requests in flight are for live events, where both share an instance. */
  readonly #environment: SyncEnvironment;
  #hasAccepted = false;
  readonly #cost = { requests: 0, retries: 0, oms_ms: 0, log_bucket_ms: 0 };
  #received = 0;
  #merged = 0;
  #requested = 0;
  #unrequested = 0;
  #parked = 0;
  /** Keys on the list. */
  #found = 0;
  #isComplete = false;
  /** Nothing more is begun: the time is up, or OMS takes nothing. */
  #isOver = false;
  #lotsInVain = 0;
  #silentLots = 0;
  #oldest = Infinity;
  #problem: LogBucketError | undefined;

  constructor(options: ReplayOptions) {
    const { clock, deadline, settings } = options;
    this.#options = options;
    this.#maxObjects = options.maxObjects ?? defaultMaxObjects;
    const share = options.selected === undefined ? 0.5 : 1;
    const part = pLimit(Math.max(1, Math.floor(settings.maxInFlight * share)));
    this.#environment = { ...options, inTurn: (send) => part(() => options.inTurn(send)) };
    this.#startedAt = clock.now();
    this.#writeUntil = planTime(this.#startedAt, deadline, 0, settings.logLayout).writeUntil;
    this.#failedList = new FailedList({
      ...options,
      selection: options.selected && onlyNames(options.selected),
      writeUntil: this.#writeUntil,
    });
  }

  /** Works until everything is done or the time is up, however long the store takes to answer. */
  async workUntilDeadline(): Promise<void> {
    const { clock } = this.#options;
    if (this.#writeUntil === Infinity) return this.#work();
    const stop = new AbortController();
    const work = this.#work().then(() => true);
    const timeIsUp = clock.sleep(this.#writeUntil - clock.now(), stop.signal).then(() => false);
    const isDone = await Promise.race([work, timeIsUp]);
    stop.abort();
    this.#isOver = true;
    if (!isDone) this.#problem ??= noTimeLeft('list');
  }

  /** Reports what was done until now. */
  conclude(): Replay {
    const { clock, logger, requestId } = this.#options;
    const settled = this.#requested + this.#unrequested + this.#merged;
    const report: Report = {
      received: this.#received,
      requested: this.#requested,
      unrequested: this.#unrequested,
      filtered: 0,
      merged: this.#merged,
      returned: this.#received - settled,
    };
    const problem = this.#problem ?? this.#failedList.fault;
    const { ofOtherTasks, taken, inHand, newer } = this.#failedList;
    const leftKeys = this.#found + newer - taken;
    const isComplete = this.#isComplete && leftKeys === 0;
    logger.log(problem ? 'error' : 'info', 'sync', {
      replay: true,
      ...report,
      parked: this.#parked,
      left_keys: leftKeys,
      left_is_exact: this.#isComplete,
      requests: this.#cost.requests,
      retries: this.#cost.retries,
      ms: clock.now() - this.#startedAt,
      oms_ms: this.#cost.oms_ms,
      log_bucket_ms: this.#cost.log_bucket_ms,
      oldest_record_age_ms:
        this.#oldest === Infinity ? undefined : Math.max(0, this.#startedAt - this.#oldest),
      request_id: requestId,
      error: problem?.message,
    });
    logUnrequested(this.#failures, report.unrequested, this.#options);
    const { codes } = this.#failures;
    if (ofOtherTasks > 0) {
      logger.log('warn', 'not replayed', {
        of_other_tasks: ofOtherTasks,
        message: `${ofOtherTasks} entries of the failed list are of other synchronization tasks than ${this.#options.settings.syncTaskId}: give each task a log bucket, or a prefix in one, of its own`,
        request_id: requestId,
      });
    }
    return { report, parked: this.#parked, leftKeys, isComplete, ofOtherTasks, inHand, codes, problem };
  }

  async #work(): Promise<void> {
    try {
      const keys = this.#options.selected === undefined ? await this.#findOldest() : this.#walk();
      for await (const lot of this.#failedList.take(keys)) {
        this.#received += lot.objects.length + lot.others.length;
        const unsettled = await this.#settle(lot);
        await this.#failedList.release(lot, unsettled);
        this.#parked += lot.others.length;
        this.#unrequested += lot.others.length;
        this.#showProgress();
        if (this.#isOver || this.#received >= this.#maxObjects) break;
      }
    } catch (error) {
      if (!(error instanceof LogBucketError)) throw error;
      this.#problem ??= error;
    }
  }

  async #findOldest(): Promise<readonly LogObject[]> {
    const until = this.#startedAt + (this.#options.deadline - this.#startedAt) * listingShare;
    const { oldest, more, isComplete } = await this.#failedList.findOldest(maxKeys, until);
    this.#found = oldest.length + more;
    this.#isComplete = isComplete;
    return oldest;
  }

  async *#walk(): AsyncGenerator<LogObject, void, undefined> {
    for await (const object of this.#failedList.walk()) {
      if (this.#isAborted()) return;
      this.#found++;
      yield object;
      if (this.#found % keysBetweenProgress === 0) this.#showProgress();
    }
    this.#isComplete = true;
  }

  #isAborted(): boolean {
    const isAborted = this.#options.selected?.signal?.aborted === true;
    this.#isOver ||= isAborted;
    return isAborted;
  }

  #showProgress(): void {
    this.#options.selected?.onProgress?.({ keys: this.#failedList.taken, received: this.#received });
  }

  /** Requests the objects of a lot. Gives those that are on no list again: they stay where they are. */
  async #settle({ objects }: Lot): Promise<readonly FailedObject[]> {
    const names = mergeByName(objects);
    this.#merged += objects.length - names.size;
    const requestedBefore = this.#requested;
    const waiting = [...names.values()];
    for (const { recordedAt } of waiting) {
      const time = Date.parse(recordedAt);
      if (time < this.#oldest) this.#oldest = time;
    }
    const unsettled: FailedObject[] = [];
    while (waiting.length > 0) {
      const part = waiting.slice(0, objectsInAPart);
      const times = this.#planPart(part.length);
      this.#isOver ||= times.sendUntil - this.#options.clock.now() < leastSendMs;
      if (this.#isAborted() || this.#isOver) break;
      waiting.splice(0, part.length);
      const received = new Map(part.map((object, index) => [object.name, toReceived(object, index)]));
      const chooseList = (entry: ListEntry) => this.#chooseList(entry, names.get(entry.name));
      const settlement = await settleObjects(received, [], times, chooseList, this.#environment);
      for (const { name } of settlement.unlisted) {
        const object = names.get(name);
        if (object !== undefined) unsettled.push(object);
      }
      this.#count(settlement);
    }
    if (this.#requested > requestedBefore) this.#lotsInVain = 0;
    else if (names.size > 0) this.#lotsInVain++;
    this.#isOver ||= this.#options.selected === undefined && this.#lotsInVain >= maxLotsInVain;
    return [...unsettled, ...waiting];
  }

  /** Leaves time to take the lot off the list. */
  #planPart(names: number): TimePlan {
    const { clock, deadline, settings } = this.#options;
    const now = clock.now();
    return planTime(
      now,
      deadline - Math.min(maxReleaseMs, (deadline - now) * 0.15),
      names,
      settings.logLayout,
    );
  }

  #chooseList({ outcome }: ListEntry, object: FailedObject | undefined): ListName | undefined {
    if (outcome.kind === 'requested') {
      this.#hasAccepted = true;
      return 'success_object';
    }
    // It was in no request: its entry is as true as it was.
    if (outcome.attempts === 0) return undefined;
    // What was parked stays parked.
    if (this.#options.selected?.list === 'parked_object') return 'parked_object';
    const { clock, settings } = this.#options;
    const isRefusedAgain =
      isAboutObject(outcome.reason) &&
      outcome.reason.class === 'refused' &&
      object?.reasonClass === 'refused';
    const { whileOthersAreAccepted, otherwise } = refusedMaxAgeMs;
    const refusedAgeMs = this.#hasAccepted ? whileOthersAreAccepted : otherwise;
    const maxAgeMs = Math.min(settings.replayMaxAgeMs, isRefusedAgain ? refusedAgeMs : Infinity);
    const isTooOld = clock.now() - Date.parse(object?.recordedAt ?? '') >= maxAgeMs;
    return isTooOld ? 'parked_object' : 'failed_object';
  }

  #count({ entries, unlisted, lists, fault, statistics, writeMs }: Settlement): void {
    const unrequested = entries.filter(({ outcome }) => outcome.kind === 'unrequested');
    const listed = entries.filter((entry) => !unlisted.has(entry));
    const failed = listed.filter(({ outcome }) => outcome.kind === 'unrequested');
    this.#requested += listed.length - failed.length;
    this.#unrequested += failed.length;
    this.#parked += failed.filter((entry) => lists.get(entry) === 'parked_object').length;
    this.#failures.add(unrequested);
    logEachUnrequested(unrequested, this.#options.logger);
    this.#problem ??= fault;
    this.#cost.requests += statistics.requests;
    this.#cost.retries += statistics.retries;
    this.#cost.oms_ms += statistics.omsMs;
    this.#cost.log_bucket_ms += writeMs;
    // OMS is away, or accepts nobody: others will fare no better. What it refuses of an object says nothing about others.
    const saysNothing = ({ outcome }: ListEntry) =>
      outcome.kind === 'unrequested' && outcome.reason.class === 'refused' && isAboutObject(outcome.reason);
    const isSilent = unrequested.length === entries.length && !unrequested.every(saysNothing);
    this.#silentLots = isSilent ? this.#silentLots + 1 : 0;
    const { selected, otherwise } = maxSilentLots;
    this.#isOver ||= this.#silentLots >= (this.#options.selected === undefined ? otherwise : selected);
  }
}

/** What is no name cannot be requested. */
function onlyNames(selection: Selection): Selection {
  return { ...selection, selects: (object) => object.isName && selection.selects(object) };
}

function isAboutObject({ code }: Reason): boolean {
  return !taskCodes.has(code);
}

/** One entry for each name: the one that is on the list for longest. */
function mergeByName(objects: readonly FailedObject[]): Map<string, FailedObject> {
  const names = new Map<string, FailedObject>();
  for (const object of objects) {
    const other = names.get(object.name);
    if (other === undefined || object.recordedAt < other.recordedAt) {
      names.set(object.name, object);
    }
  }
  return names;
}

function toReceived(object: FailedObject, index: number): ReceivedObject {
  const { name, store, bucket, eventTime, eventId, recordedAt, attempts } = object;
  return { index, name, store, bucket, eventTime, eventId, earlier: { recordedAt, attempts } };
}
