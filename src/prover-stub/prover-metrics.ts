import type { MetricFactory } from '../observability/metrics.ts';

export interface ProverMetrics {
  /** A block was re-executed and an attestation signed. */
  recordBlockProved(sample: { seconds: number; transactions: number; blockNumber: number; agrees: boolean }): void;
  /** Sealed blocks seen that are not attested here yet. */
  recordLag(blocks: number): void;
  /** A block is not in this prover's share. */
  recordSkipped(): void;
  /** Nothing could be said about a block; `code` says why. */
  recordUnprovable(code: string): void;
}

/** A block of a few transactions to one with thousands. */
const BLOCK_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Declares the metrics of a prover. */
export function createProverMetrics(factory: MetricFactory): ProverMetrics {
  const blocks = factory.counter({
    name: 'prover_blocks_total',
    help: 'Blocks re-executed and attested, by whether the prover agrees',
    labelNames: ['outcome'],
  });
  const transactions = factory.counter({ name: 'prover_transactions_total', help: 'Transactions of attested blocks' });
  const seconds = factory.histogram({
    name: 'prover_block_seconds',
    help: 'Time that re-executing a block took',
    buckets: BLOCK_BUCKETS_SECONDS,
  });
  const newest = factory.gauge({ name: 'prover_attested_block_number', help: 'Newest block attested' });
  const lag = factory.gauge({ name: 'prover_lag_blocks', help: 'Sealed blocks that are not attested here yet' });
  const unprovable = factory.counter({
    name: 'prover_unprovable_blocks_total',
    help: 'Blocks about which nothing could be attested, by reason',
    labelNames: ['code'],
  });
  const skipped = factory.counter({
    name: 'prover_skipped_blocks_total',
    help: "Blocks that were left to other provers, not being in this one's share",
  });
  return {
    recordBlockProved: (sample) => {
      blocks.inc({ outcome: sample.agrees ? 'agrees' : 'disagrees' });
      transactions.inc(sample.transactions);
      seconds.observe(sample.seconds);
      newest.set(sample.blockNumber);
    },
    recordLag: (behind) => lag.set(behind),
    recordSkipped: () => skipped.inc(),
    recordUnprovable: (code) => unprovable.inc({ code }),
  };
}
