import { LATENCY_BUCKETS_SECONDS, type MetricFactory, SIZE_BUCKETS_BYTES } from '../observability/metrics.ts';
import type { Mempool } from './mempool.ts';
import type { SequencerMetrics } from './sequencer-modules.ts';

/** Mini-block intervals, seconds: finer around the 10 ms that is the default. */
const INTERVAL_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.008, 0.01, 0.011, 0.012, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2];

/** Transactions in a mini-block. */
const COUNT_BUCKETS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** What the sequencer tells of itself. */
export function createSequencerMetrics(factory: MetricFactory): SequencerMetrics {
  const miniBlocks = miniBlockMetrics(factory);
  const blockNumber = factory.gauge({ name: 'block_number', help: 'Number of the newest sealed EVM block' });
  const stall = factory.histogram({
    name: 'block_seal_stall_seconds',
    help: 'Time for which ending an EVM block kept the execution of the next one waiting',
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const seal = factory.histogram({
    name: 'block_seal_seconds',
    help: 'Time from the end of an EVM block until its seal is durable and the block visible',
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const witness = factory.histogram({
    name: 'witness_size_bytes',
    help: 'Size of the witness of an EVM block',
    buckets: SIZE_BUCKETS_BYTES,
  });
  const rejected = factory.counter({
    name: 'transactions_dropped_total',
    help: 'Pooled transactions dropped at execution without being included, by reason',
    labelNames: ['code'],
  });
  const attestations = factory.counter({
    name: 'attestations_total',
    help: 'Attestations received from provers, by outcome of their check',
    labelNames: ['outcome'],
  });
  return {
    ...miniBlocks,
    recordBlockSealed: (sample) => {
      blockNumber.set(sample.number);
      stall.observe(sample.stallSeconds);
      seal.observe(sample.sealSeconds);
      witness.observe(sample.witnessBytes);
    },
    recordRejected: (code) => rejected.inc({ code }),
    recordAttestation: (outcome) => attestations.inc({ outcome }),
  };
}

function miniBlockMetrics(factory: MetricFactory): Pick<SequencerMetrics, 'recordMiniBlock'> {
  const seconds = (name: string, help: string, buckets: readonly number[] = LATENCY_BUCKETS_SECONDS) =>
    factory.histogram({ name, help, buckets });
  const number = factory.gauge({ name: 'mini_block_number', help: 'Number of the newest durable mini-block' });
  const interval = seconds(
    'mini_block_interval_seconds',
    'Time between the beginnings of two mini-blocks, without the time in which there was nothing to execute',
    INTERVAL_BUCKETS_SECONDS,
  );
  const execution = seconds('mini_block_execution_seconds', 'Time in which a mini-block executed its transactions');
  const commit = seconds('mini_block_commit_seconds', 'Time for encoding, signing, logging and applying a mini-block');
  const count = factory.histogram({
    name: 'mini_block_transactions_count',
    help: 'Transactions in a mini-block',
    buckets: COUNT_BUCKETS,
  });
  const transactions = factory.counter({ name: 'transactions_total', help: 'Transactions included' });
  const gas = factory.counter({ name: 'gas_used_total', help: 'Gas used by included transactions' });
  const diffBytes = factory.counter({ name: 'diff_bytes_total', help: 'Bytes of encoded state diffs' });
  const bodyBytes = factory.counter({ name: 'body_bytes_total', help: 'Bytes of encoded transactions and receipts' });
  return {
    recordMiniBlock: (sample) => {
      number.set(sample.number);
      if (sample.intervalSeconds !== undefined) interval.observe(sample.intervalSeconds);
      execution.observe(sample.executionSeconds);
      commit.observe(sample.commitSeconds);
      count.observe(sample.transactions);
      transactions.inc(sample.transactions);
      gas.inc(Number(sample.gasUsed));
      diffBytes.inc(sample.diffBytes);
      bodyBytes.inc(sample.bodyBytes);
    },
  };
}

/** The pool's size, read when somebody scrapes. */
export function observeMempool(factory: MetricFactory, mempool: Pick<Mempool, 'size'>): void {
  factory.gauge({
    name: 'mempool_transactions',
    help: 'Transactions waiting in the pool',
    collect: (gauge) => gauge.set(mempool.size),
  });
}
