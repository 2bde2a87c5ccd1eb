import { build, type Histogram } from 'hdr-histogram-js';

/** Milliseconds with microsecond resolution; null without samples. */
export type LatencySummary = {
  samples: number;
  p50Ms: number | null;
  p90Ms: number | null;
  p99Ms: number | null;
  maxMs: number | null;
};

/** No latency of a run of an hour is longer; keeps the table at a few hundred kilobytes. */
const HIGHEST_US = 3_600_000_000;
/** Three digits: 0.1 % error. */
const DIGITS = 3;
const US_PER_MS = 1_000;

/** Distribution of times, recorded in microseconds. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
  });
  #maxUs = 0;

  /** Below zero counts as zero: two clocks' readings may cross by the time of one message. */
  recordMs(ms: number): void {
    this.recordUs(ms * US_PER_MS);
  }

  recordUs(us: number): void {
    const value = Math.min(HIGHEST_US, Math.max(0, Math.round(us)));
    this.#histogram.recordValue(value);
    this.#maxUs = Math.max(this.#maxUs, value);
  }

  summary(): LatencySummary {
    const samples = this.#histogram.totalCount;
    const at = (percentile: number): number | null =>
      samples === 0 ? null : Math.min(this.#maxUs, this.#histogram.getValueAtPercentile(percentile)) / US_PER_MS;
    return {
      samples,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      maxMs: samples === 0 ? null : this.#maxUs / US_PER_MS,
    };
  }
}
