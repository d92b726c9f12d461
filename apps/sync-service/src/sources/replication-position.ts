/** A transaction on its way: complete when its end is known and nothing of it is open. */
interface Transaction {
  endLsn: bigint | undefined;
  open: number;
}

/**
 * How far a replication slot may move: to the end of the last transaction before which everything is settled. Deliveries
 * are settled in any order, transactions end in that of their commits.
 */
export class ReplicationPosition {
  #transactions: Transaction[] = [];
  #current: Transaction | undefined;
  /** Up to here everything is settled; 0 if nothing is known yet. */
  #confirmed = 0n;

  get confirmed(): bigint {
    return this.#confirmed;
  }

  /** Transactions that are not settled, or wait for one that is not. */
  get pending(): number {
    return this.#transactions.length;
  }

  begin(): void {
    this.#current = { endLsn: undefined, open: 0 };
    this.#transactions.push(this.#current);
  }

  /** Something of the current transaction is delivered. Gives what is to be called when it is settled. */
  open(): () => void {
    const transaction = this.#current;
    if (transaction === undefined) throw new Error('a row outside of a transaction');
    transaction.open++;
    return () => {
      transaction.open--;
      this.#advance();
    };
  }

  /** The current transaction ends; all of it is opened. */
  commit(endLsn: bigint): void {
    if (this.#current !== undefined) this.#current.endLsn = endLsn;
    this.#current = undefined;
    this.#advance();
  }

  /** The server has sent everything before this position. If all of that is settled, the slot may move there. */
  reach(lsn: bigint): void {
    if (this.#transactions.length === 0 && lsn > this.#confirmed) this.#confirmed = lsn;
  }

  #advance(): void {
    let done = 0;
    for (const { endLsn, open } of this.#transactions) {
      if (endLsn === undefined || open > 0) break;
      if (endLsn > this.#confirmed) this.#confirmed = endLsn;
      done++;
    }
    if (done > 0) this.#transactions.splice(0, done);
  }
}

/** The text of a position in the write-ahead log, `16/B374D848`. */
export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();
}
