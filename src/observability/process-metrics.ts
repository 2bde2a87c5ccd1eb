import { collectDefaultMetrics, Registry } from 'prom-client';
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
 * Of the process, as prom-client's monitors never end, and keep the registry that they were given with all that its metrics
 * know: a node that begins anew in its process would leave its former state behind there.
 */
let processRegistry: Registry | undefined;

/**
 * Adds what Node and the operating system say of this process (`process_*`, `nodejs_*`, under the names that public
 * dashboards expect) and the event loop's delay. Not in unit tests of other modules.
 * @returns takes them out again
 */
export function collectProcessMetrics(metrics: Metrics): () => void {
  const registry = processRegistry ?? createProcessRegistry();
  processRegistry = registry;
  const remove = metrics.addSource(() => registry.metrics());
  const stopMonitor = observeEventLoopDelay(metrics);
  return () => {
    stopMonitor();
    remove();
  };
}

function createProcessRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of DROPPED_DEFAULTS) registry.removeSingleMetric(name);
  return registry;
}
