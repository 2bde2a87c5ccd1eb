export interface TokenBucketOptions {
  readonly perSecond: number;
  /** Most tokens saved up; a new bucket is full. */
  readonly burst: number;
}

/** An allowance that fills with time. Pure: callers tell it the time, in ms that never step back. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #atMs: number;

  constructor(options: TokenBucketOptions, nowMs: number) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#atMs = nowMs;
  }

  /** Takes `count` tokens; false, and nothing is taken, when there are fewer. */
  take(count: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** True when anything is left: for what is counted when it is done, see {@link TokenBucket.spend}. */
  hasSome(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens > 0;
  }

  /** Takes `count` tokens that were used already: the bucket may be in debt afterwards. */
  spend(count: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  /** Time until `count` tokens are there, ms; 0 when they are. Takes none. */
  missingForMs(count: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, Math.ceil(((count - this.#tokens) / this.#options.perSecond) * 1_000));
  }

  #fill(nowMs: number): void {
    const { perSecond, burst } = this.#options;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * perSecond);
    this.#atMs = nowMs;
  }
}
