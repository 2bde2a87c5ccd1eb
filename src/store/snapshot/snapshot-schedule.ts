export interface SnapshotPolicy {
  /** Bytes logged since the newest snapshot behind which the next one is due. */
  readonly logBytes?: number;
  /** One is due whenever the block number passes a multiple of this. */
  readonly blocks?: number;
}

/** What a restart replays at most: some seconds of work. */
const DEFAULT_LOG_BYTES = 256 * 1024 * 1024;
/** An hour of blocks of one second: a quiet chain replays few bytes but as many seals. */
const DEFAULT_BLOCKS = 3_600;

/**
 * Snapshots are of blocks whose number is a multiple of this, or of the policy's blocks when that is less: nodes that
 * write them at about the same time then write the same ones, which a joining node fetches from all of them at once. The
 * state some blocks ago is always kept.
 */
const BLOCK_STEP = 16;

/** Waiting time behind a first failure, doubled behind each further one up to the longest. */
const FIRST_RETRY_MS = 10_000;
const MAX_RETRY_MS = 10 * 60_000;

/** The newest snapshot, and what was logged behind it. */
export interface LastSnapshot {
  /** 0: there is none, the genesis file stands for it. */
  readonly block: number;
  readonly logBytes: number;
}

/** Decides when a snapshot is due and of which block. Pure: callers tell it the time and what happened. */
export class SnapshotSchedule {
  readonly #policy: Required<SnapshotPolicy>;
  #lastBlock: number;
  #logBytes: number;
  /** Log bytes at the moment the running snapshot was begun; undefined: none runs. */
  #begun: { readonly block: number; readonly logBytes: number } | undefined;
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(policy: SnapshotPolicy, last: LastSnapshot) {
    this.#policy = { logBytes: DEFAULT_LOG_BYTES, blocks: DEFAULT_BLOCKS, ...policy };
    this.#lastBlock = last.block;
    this.#logBytes = last.logBytes;
  }

  noteLogged(bytes: number): void {
    this.#logBytes += bytes;
  }

  /**
   * The block to write a snapshot of now, not above the newest sealed one and `limit`. Undefined: none is due, or
   * one is being written, or the time behind a failure is not over.
   */
  due(newestSealed: number, limit: number, nowMs: number): number | undefined {
    const { blocks, logBytes } = this.#policy;
    const block = lastMultiple(Math.min(newestSealed, limit), Math.min(BLOCK_STEP, blocks));
    if (this.#begun !== undefined || block <= this.#lastBlock || nowMs < this.#notBeforeMs) return undefined;
    const isDue = this.#logBytes >= logBytes || lastMultiple(block, blocks) > this.#lastBlock;
    return isDue ? block : undefined;
  }

  begin(block: number): void {
    this.#begun = { block, logBytes: this.#logBytes };
  }

  succeed(): void {
    if (this.#begun === undefined) return;
    this.#lastBlock = this.#begun.block;
    // What was logged between the block and the beginning is counted off with it: little against the policy's bytes.
    this.#logBytes -= this.#begun.logBytes;
    this.#begun = undefined;
    this.#failures = 0;
  }

  /** @returns ms until the next attempt */
  fail(nowMs: number): number {
    this.#begun = undefined;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS);
    this.#notBeforeMs = nowMs + waitMs;
    return waitMs;
  }
}

/** The highest multiple of `step` that is not above `number`. */
function lastMultiple(number: number, step: number): number {
  return Math.floor(number / step) * step;
}
