import { StrobeError } from '../util/errors.ts';

const FETCH_TIMEOUT_MS = 5_000;
/** A node's metrics page is tens of kilobytes. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** The Prometheus text of the sequencer in front of a load and behind it. */
export type MetricsPages = { readonly before: string; readonly after: string };

/** @throws StrobeError BENCH_METRICS_UNAVAILABLE */
export async function readMetricsPage(metricsUrl: string): Promise<string> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    const page = await response.text();
    if (!response.ok || page.length > MAX_PAGE_BYTES) throw new StrobeError('BENCH_HTTP_STATUS', `HTTP ${response.status}`);
    return page;
  } catch (cause) {
    throw new StrobeError('BENCH_METRICS_UNAVAILABLE', `cannot read ${metricsUrl}`, {}, { cause });
  }
}
