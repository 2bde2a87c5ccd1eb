const INTERVAL_BUCKET = /^strobe_mini_block_interval_seconds_bucket\{le="([^"]+)"[^}]*\}\s+([0-9.eE+]+)/;

/** Intervals so far that were at most as long as the key, seconds; the last key is Infinity. */
export type IntervalBuckets = ReadonlyMap<number, number>;

/** The sequencer's own clock during the load: unlike a subscriber's it leaves out the time without transactions. */
export type ClockReport = {
  intervals: number;
  /** Upper bound of the histogram bucket in which the 99th percentile lies; null above the last bound. */
  p99BelowMs: number | null;
  /** Share of the intervals that were at most 15 ms. */
  within15Ms: number;
};

/** Reads the interval histogram from Prometheus text; empty when the page has none. */
export function parseIntervals(page: string): IntervalBuckets {
  const buckets = new Map<number, number>();
  for (const line of page.split('\n')) {
    const [, bound, count] = INTERVAL_BUCKET.exec(line) ?? [];
    if (bound === undefined || count === undefined) continue;
    buckets.set(bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), Number(count));
  }
  return buckets;
}

/** The intervals between two readings; null when there were none. */
export function clockReport(before: IntervalBuckets, after: IntervalBuckets): ClockReport | null {
  const during = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const intervals = during.at(-1)?.[1] ?? 0;
  if (intervals === 0) return null;
  const [p99Bound = Number.POSITIVE_INFINITY] = during.find(([, count]) => count >= intervals * 0.99) ?? [];
  const within = during.findLast(([bound]) => bound <= 0.015)?.[1] ?? 0;
  return {
    intervals,
    p99BelowMs: Number.isFinite(p99Bound) ? p99Bound * 1_000 : null,
    within15Ms: within / intervals,
  };
}
