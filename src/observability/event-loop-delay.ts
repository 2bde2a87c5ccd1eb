import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MetricFactory } from './metrics.ts';

/** The finest the monitor can do; a mini-block is 10 ms, so its default of 10 ms would hide what we look for. */
const RESOLUTION_MS = 1;
const NANOSECONDS_PER_SECOND = 1e9;

/**
 * Declares how late the event loop ran its timers since the last scrape.
 * @returns stops the monitor
 */
export function observeEventLoopDelay(factory: MetricFactory): () => void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // The monitor records the time between two firings of its timer: the timer's own period is not delay.
  const toDelaySeconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS_PER_SECOND - RESOLUTION_MS / 1000) : 0;

  factory.gauge({
    name: 'event_loop_delay_p50_seconds',
    help: 'Median delay of the event loop since the previous scrape.',
    collect: (gauge) => gauge.set(toDelaySeconds(histogram.percentile(50))),
  });
  factory.gauge({
    name: 'event_loop_delay_p99_seconds',
    help: '99th percentile of the delay of the event loop since the previous scrape.',
    collect: (gauge) => gauge.set(toDelaySeconds(histogram.percentile(99))),
  });
  // Declared last: gauges are collected in order of declaration, and this one closes the window.
  factory.gauge({
    name: 'event_loop_delay_max_seconds',
    help: 'Longest delay of the event loop since the previous scrape.',
    collect: (gauge) => {
      gauge.set(toDelaySeconds(histogram.max));
      histogram.reset();
    },
  });
  return () => histogram.disable();
}
