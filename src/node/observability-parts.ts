import { ObservabilityServer, type Readiness } from '../observability/http-server.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { collectProcessMetrics } from '../observability/process-metrics.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Starts `/metrics`, `/health` and `/ready` before anything else: a node that hangs while starting shows it there. */
export async function startObservability(
  settings: { readonly metricsHost: string; readonly metricsPort: number },
  modules: { readonly metrics: Metrics; readonly logger: Logger; readonly life: Lifecycle; readonly readiness: () => Readiness },
): Promise<void> {
  const { metrics, logger, life, readiness } = modules;
  life.onStop('process metrics', collectProcessMetrics(metrics));
  const server = new ObservabilityServer(
    { host: settings.metricsHost, port: settings.metricsPort },
    { metrics, logger: logger.child({ component: 'observability' }), readiness },
  );
  await server.start();
  life.onStop('observability', () => server.stop());
}
