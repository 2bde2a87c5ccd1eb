import { collectDefaultMetrics } from 'prom-client';
import { observeEventLoopDelay } from './event-loop-delay.ts';
import type { Metrics } from './metrics.ts';

/**
 * Metrics that prom-client declares and that we leave out: three gauges called `_total` (`promtool check metrics`
 * refuses them), and the event loop lag, whose 10 ms resolution is a whole mini-block (see event-loop-delay.ts).
 */
const DROPPED_DEFAULTS = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  ...['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_'].map((part) => `nodejs_eventloop_lag_${part}seconds`),
];

/**
 * Adds what Node and the operating system say of this process (`process_*`, `nodejs_*`, under the names that public
 * dashboards expect) and the event loop's delay. Once per process, not in unit tests of other modules.
 * @returns stops the monitors
 */
export function collectProcessMetrics(metrics: Metrics): () => void {
  collectDefaultMetrics({ register: metrics.registry });
  for (const name of DROPPED_DEFAULTS) metrics.registry.removeSingleMetric(name);
  return observeEventLoopDelay(metrics);
}
