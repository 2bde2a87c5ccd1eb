/** What of the state's history can be read, in memory that threads share. */
export type SharedReach = SharedArrayBuffer;

const OLDEST = 0;
const NEWEST = 1;
const ROLLBACKS = 2;
const FIELDS = 3;

/** Stands for no block. */
const NONE = -1n;

/**
 * How far the stored history reaches, as the thread that follows the chain says it: the database itself may be ahead of
 * that, and behind a rollback have blocks for a moment that are none any more.
 */
export class HistoryReach {
  readonly shared: SharedReach;
  readonly #fields: BigInt64Array;

  private constructor(shared: SharedReach) {
    this.shared = shared;
    this.#fields = new BigInt64Array(shared);
  }

  /** Reaches nowhere. */
  static create(): HistoryReach {
    const reach = new HistoryReach(new SharedArrayBuffer(FIELDS * 8));
    reach.clear();
    return reach;
  }

  static attach(shared: SharedReach): HistoryReach {
    return new HistoryReach(shared);
  }

  /** The oldest block whose state can be read. */
  get oldest(): number | undefined {
    return this.#block(OLDEST);
  }

  /** The newest block whose changes are stored. */
  get newest(): number | undefined {
    return this.#block(NEWEST);
  }

  /** Counts rollbacks: states that were read before one may not be those of this chain. */
  get rollbacks(): bigint {
    return Atomics.load(this.#fields, ROLLBACKS);
  }

  set(oldest: number, newest: number): void {
    Atomics.store(this.#fields, OLDEST, BigInt(oldest));
    Atomics.store(this.#fields, NEWEST, BigInt(newest));
  }

  clear(): void {
    Atomics.store(this.#fields, NEWEST, NONE);
    Atomics.store(this.#fields, OLDEST, NONE);
  }

  noteRollback(): void {
    Atomics.add(this.#fields, ROLLBACKS, 1n);
  }

  #block(field: number): number | undefined {
    const value = Atomics.load(this.#fields, field);
    return value === NONE ? undefined : Number(value);
  }
}
