import { setMaxListeners } from 'node:events';
import { withTimeLimit, type Clock } from '@oms-sync/core';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { Submit } from '../source.ts';
import { sortMessage, type MessageBodyOptions } from './message-body.ts';
import { ReplicationPosition } from './replication-position.ts';

export interface KafkaSessionOptions extends MessageBodyOptions {
  readonly kafka: Kafka;
  readonly topics: readonly string[];
  readonly group: string;
  readonly source: string;
  /** So long a consumer may be silent before the group gives its partitions to others. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly submit: Submit;
  /** It has its partitions and reads them; called again and again. */
  readonly onFetched: () => void;
  /** Keeps a message that nobody can read somewhere else. Resolves when it is there. */
  readonly refuse: (topic: string, message: KafkaMessage, reason: string) => Promise<void>;
  /** An offset could not be committed now. */
  readonly onCommitFailed: (error: unknown) => void;
}

/** So many messages of a partition may wait behind one that is not settled: each takes some memory. */
const maxPending = 50_000;
const commitEveryMs = 1000;
const leaveWithinMs = 5000;

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly position: ReplicationPosition;
  committed: bigint;
}

/**
 * One consumer of a group, from when it joins until it is lost. What is delivered is committed when it, and everything
 * before it in its partition, is settled: whoever has the partition next begins there.
 */
export class KafkaSession {
  readonly #options: KafkaSessionOptions;
  readonly #consumer: Consumer;
  /**
   * Also those that a rebalance has taken away. After each rebalance everything not committed is delivered again, but
   * kafkajs may finish a batch that it had before: what is under way since then must be settled first.
   */
  readonly #partitions = new Map<string, Partition>();
  /** Only these are committed: another consumer may be further ahead with one that it has now. */
  #assigned = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #heartbeatEveryMs: number;
  #progress: () => void = () => undefined;
  #lose: (error: Error) => void = () => undefined;

  constructor(options: KafkaSessionOptions) {
    this.#options = options;
    this.#heartbeatEveryMs = options.sessionTimeoutMs / 10;
    setMaxListeners(0, this.#stopping.signal, this.#ended.signal);
    this.#consumer = options.kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: this.#heartbeatEveryMs,
      // A fetch that waits for messages is waited for before the group is left.
      maxWaitTimeInMs: 1000,
      allowAutoTopicCreation: false,
      retry: { retries: 2, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Consumes until {@link close}, or rejects with what has ended it. */
  async run(): Promise<void> {
    const { onFetched } = this.#options;
    const lost = new Promise<never>((_, reject) => (this.#lose = reject));
    lost.catch(() => undefined); // Whoever waits below sees it.
    const consumer = this.#consumer;
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#lose(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = Object.entries(payload.memberAssignment);
      this.#assigned = new Set(
        assigned.flatMap(([topic, numbers]) => numbers.map((each) => keyOf(topic, each))),
      );
    });
    // Not when it joins: messages that cannot be read would end it right after.
    consumer.on(consumer.events.FETCH, onFetched);
    try {
      // A broker that answers nothing must not keep it from being closed.
      await Promise.race([this.#begin(), lost]);
      void this.#keepCommitting();
      await lost;
    } finally {
      this.#ended.abort();
      this.#progress();
      // The brokers may be gone already, or say nothing: they notice by themselves.
      await withTimeLimit(consumer.disconnect(), leaveWithinMs).catch(() => undefined);
    }
  }

  async #begin(): Promise<void> {
    const consumer = this.#consumer;
    await consumer.connect();
    // Of a new group: the first message that is there still. Never the latest, names would be lost.
    await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    if (this.#ended.signal.aborted) return; // It would connect again.
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#take(payload),
    });
  }

  /** Delivers nothing more; stays in the group, so that what is under way can be committed. */
  stop(): void {
    this.#stopping.abort();
    this.#progress();
    try {
      this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    } catch {
      // It does not run yet, or no more.
    }
  }

  /** Commits what is settled, and leaves the group. */
  async close(): Promise<void> {
    this.stop();
    if (!this.#ended.signal.aborted)
      await withTimeLimit(this.#commit(), leaveWithinMs).catch(() => undefined);
    this.#lose(new Error('closed'));
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const heartbeat = () => payload.heartbeat();
    const isOver = () => this.#stopping.signal.aborted || !payload.isRunning() || payload.isStale();
    const partition = this.#partition(batch.topic, batch.partition);
    for (const message of batch.messages) {
      if (isOver()) return;
      await this.#whileAlive(() => this.#deliver(partition, message), heartbeat);
      if (this.#stopping.signal.aborted) return;
      payload.resolveOffset(message.offset);
      while (partition.position.pending >= maxPending && !isOver()) {
        await this.#whileAlive(() => new Promise<void>((resolve) => (this.#progress = resolve)), heartbeat);
      }
    }
  }

  /** Waits for something however long it takes, and tells the group meanwhile that this consumer is alive. */
  async #whileAlive(work: () => Promise<void>, heartbeat: () => Promise<void>): Promise<void> {
    const { clock } = this.#options;
    const done = new AbortController();
    const finished = work().finally(() => done.abort());
    const stopped = new Promise<void>((resolve) => {
      this.#stopping.signal.addEventListener('abort', () => resolve(), { signal: done.signal });
    });
    while (!done.signal.aborted && !this.#stopping.signal.aborted) {
      await Promise.race([finished, stopped, clock.sleep(this.#heartbeatEveryMs, done.signal)]);
      await heartbeat();
    }
  }

  #partition(topic: string, partition: number): Partition {
    const key = keyOf(topic, partition);
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const added = { topic, partition, position: new ReplicationPosition(), committed: 0n };
    this.#partitions.set(key, added);
    return added;
  }

  async #deliver({ topic, position }: Partition, message: KafkaMessage): Promise<void> {
    const { source, submit, refuse } = this.#options;
    position.begin();
    const settled = position.open();
    position.commit(BigInt(message.offset) + 1n);
    const body = sortMessage(message.value ?? Buffer.alloc(0), this.#options);
    const settle = () => {
      settled();
      this.#progress();
    };
    const finish = () => {
      if (body.refusal === undefined) settle();
      else void refuse(topic, message, body.refusal).then(settle);
    };
    if (body.records.length === 0) return finish();
    // What is handed back is not committed, so it comes again.
    const { records } = body;
    const waitingSince = Number(message.timestamp) || undefined;
    await submit({
      source: body.source ?? source,
      records,
      waitingSince,
      settle: finish,
      handBack: () => undefined,
    });
  }

  async #keepCommitting(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#options.clock.sleep(commitEveryMs, signal);
      if (!signal.aborted) await this.#commit();
    }
  }

  async #commit(): Promise<void> {
    const moved = [...this.#partitions].flatMap(([key, partition]) => {
      const { confirmed } = partition.position;
      return this.#assigned.has(key) && confirmed > partition.committed ? [{ partition, confirmed }] : [];
    });
    if (moved.length === 0) return;
    try {
      await this.#consumer.commitOffsets(
        moved.map(({ partition: { topic, partition }, confirmed }) => ({
          topic,
          partition,
          offset: String(confirmed),
        })),
      );
      for (const { partition, confirmed } of moved) partition.committed = confirmed;
    } catch (error) {
      this.#options.onCommitFailed(error);
    }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
