import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';

/** Time between neighbouring mini-blocks by their own timestamps; a gap in the numbers is left out. */
export class MiniBlockClock {
  readonly #intervals = new LatencyHistogram();
  #last: { number: number; timestampUs: number } | undefined;

  record(miniBlock: { number: number; timestampUs: number }): void {
    if (this.#last !== undefined && miniBlock.number === this.#last.number + 1) {
      this.#intervals.recordUs(miniBlock.timestampUs - this.#last.timestampUs);
    }
    this.#last = miniBlock;
  }

  summary(): LatencySummary {
    return this.#intervals.summary();
  }
}
