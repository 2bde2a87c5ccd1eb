import type { MetricFactory } from '../observability/metrics.ts';

export interface SnapshotMetrics {
  recordWritten(snapshot: { readonly seconds: number; readonly bytes: number; readonly blockNumber: number }): void;
  recordFailed(): void;
}

/** A small chain's takes parts of a second, one of 100 million keys at the default rate over a minute. */
const DURATION_BUCKETS_SECONDS = [0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Declares the metrics of writing snapshots. */
export function createSnapshotMetrics(factory: MetricFactory): SnapshotMetrics {
  const duration = factory.histogram({
    name: 'snapshot_duration_seconds',
    help: 'Time that writing a snapshot of the state took.',
    buckets: DURATION_BUCKETS_SECONDS,
  });
  const bytes = factory.gauge({ name: 'snapshot_bytes', help: 'Bytes of state in the newest snapshot.' });
  const block = factory.gauge({ name: 'snapshot_block_number', help: 'Block of the newest snapshot written by this process.' });
  const failed = factory.counter({ name: 'snapshots_failed_total', help: 'Snapshots that could not be written.' });
  return {
    recordWritten: (snapshot) => {
      duration.observe(snapshot.seconds);
      bytes.set(snapshot.bytes);
      block.set(snapshot.blockNumber);
    },
    recordFailed: () => failed.inc(),
  };
}
