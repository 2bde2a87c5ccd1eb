/** When mini-blocks begin and EVM blocks end, ms. */
export interface TimetableOptions {
  readonly miniBlockIntervalMs: number;
  readonly blockIntervalMs: number;
}

/** Share of the interval that execution may take; the rest is for encoding, signing, the log and other work. */
const EXECUTION_SHARE = 0.7;

/**
 * The sequencer's clock: a mini-block begins as soon as there is work, but not before one interval after the last one
 * began; an EVM block ends at the next multiple of the block interval after it opened, or one interval later when its
 * time is ahead of the clock.
 */
export class Timetable {
  readonly #options: TimetableOptions;
  #lastBeginMs = Number.NEGATIVE_INFINITY;

  constructor(options: TimetableOptions) {
    this.#options = options;
  }

  /** Earliest time for the next mini-block. */
  nextBeginMs(): number {
    return this.#lastBeginMs + this.#options.miniBlockIntervalMs;
  }

  /** Marks the begin of a mini-block and gives the time at which execution has to end. */
  begin(nowMs: number): { readonly executeUntilMs: number } {
    this.#lastBeginMs = nowMs;
    return { executeUntilMs: nowMs + this.#options.miniBlockIntervalMs * EXECUTION_SHARE };
  }

  /**
   * End of a block that opens at `nowMs` of the wall clock, so that blocks begin with its seconds.
   * @param timestamp of the block, s: after the clock was set back it is one that the clock does not show before the
   * usual end, and as each block takes a second of its own, the chain's time would stay ahead for good
   */
  blockEndMs(nowMs: number, timestamp: number): number {
    const { blockIntervalMs } = this.#options;
    const endMs = (Math.floor(nowMs / blockIntervalMs) + 1) * blockIntervalMs;
    return timestamp * 1000 < endMs ? endMs : endMs + blockIntervalMs;
  }
}
