import { LATENCY_BUCKETS_SECONDS, type MetricFactory } from '../observability/metrics.ts';
import type { Verdict } from '../protocol/verdict.ts';

/** What became of an attestation. */
export type AttestationOutcome = 'agrees' | 'disagrees' | 'waiting' | 'known' | 'retired' | 'excluded';

/** What executing a sampled block again gave; `unprovable`: nothing can be said about it. */
export type SampleOutcome = 'agrees' | 'disagrees' | 'unprovable';

export interface FullNodeMetrics {
  /** `latencySeconds` from the sequencer's timestamp until readers see it; clock skew is in it. */
  recordMiniBlockApplied(latencySeconds: number, transactions: number): void;
  recordHead(miniBlock: number, lag: number): void;
  recordBlockSealed(blockNumber: number): void;
  recordVerdict(topic: string, verdict: Verdict): void;
  recordAttestation(outcome: AttestationOutcome): void;
  recordRootVerified(seconds: number): void;
  recordSafe(blockNumber: number): void;
  recordUndone(miniBlocks: number): void;
  recordRange(outcome: 'progress' | 'upToDate' | 'failed'): void;
  recordDropped(buffer: string): void;
  recordHalted(rule: string): void;
  recordSample(outcome: SampleOutcome, seconds: number): void;
  recordSampleSkipped(): void;
}

/** Declares the metrics of a replica. */
export function createFullNodeMetrics(factory: MetricFactory): FullNodeMetrics {
  const latency = factory.histogram({
    name: 'replica_apply_latency_seconds',
    help: "Time from a mini-block's timestamp at the sequencer until it is readable here.",
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const rootCheck = factory.histogram({
    name: 'replica_root_check_seconds',
    help: 'Time that proving a state root from its witness took.',
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const transactions = factory.counter({ name: 'replica_transactions_total', help: 'Transactions in applied mini-blocks.' });
  const head = factory.gauge({ name: 'replica_head_number', help: 'Newest applied mini-block.' });
  const lag = factory.gauge({
    name: 'replica_lag_mini_blocks',
    help: 'Mini-blocks that the sequencer signed and that are not applied here yet.',
  });
  const sealed = factory.gauge({ name: 'replica_sealed_block_number', help: 'Newest sealed block.' });
  const safe = factory.gauge({ name: 'replica_safe_block_number', help: 'Newest block that is proven and attested.' });
  const verdicts = factory.counter({
    name: 'replica_gossip_verdicts_total',
    help: 'Gossip messages by topic, verdict and reason.',
    labelNames: ['topic', 'verdict', 'reason'],
  });
  const attestations = factory.counter({
    name: 'replica_attestations_total',
    help: 'Attestations by what became of them.',
    labelNames: ['outcome'],
  });
  const undone = factory.counter({ name: 'replica_undone_mini_blocks_total', help: 'Mini-blocks that were rolled back.' });
  const ranges = factory.counter({
    name: 'replica_range_requests_total',
    help: 'Range requests to peers by outcome.',
    labelNames: ['outcome'],
  });
  const dropped = factory.counter({
    name: 'replica_dropped_messages_total',
    help: 'Good messages that were dropped because a buffer was full.',
    labelNames: ['buffer'],
  });
  const halted = factory.gauge({
    name: 'replica_halted',
    help: '1 for the rule whose violation halted this node.',
    labelNames: ['rule'],
  });
  return {
    recordMiniBlockApplied: (latencySeconds, count) => {
      latency.observe(Math.max(0, latencySeconds));
      transactions.inc(count);
    },
    recordHead: (miniBlock, behind) => {
      head.set(miniBlock);
      lag.set(behind);
    },
    recordBlockSealed: (blockNumber) => sealed.set(blockNumber),
    recordVerdict: (topic, verdict) => {
      verdicts.inc({ topic, verdict: verdict.kind, reason: verdict.kind === 'accept' ? '' : verdict.code });
    },
    recordAttestation: (outcome) => attestations.inc({ outcome }),
    recordRootVerified: (seconds) => rootCheck.observe(seconds),
    recordSafe: (blockNumber) => safe.set(blockNumber),
    recordUndone: (miniBlocks) => undone.inc(miniBlocks),
    recordRange: (outcome) => ranges.inc({ outcome }),
    recordDropped: (buffer) => dropped.inc({ buffer }),
    recordHalted: (rule) => halted.set({ rule }, 1),
    ...createSampleMetrics(factory),
  };
}

/** A block of a few transactions to one with thousands. */
const SAMPLE_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function createSampleMetrics(factory: MetricFactory): Pick<FullNodeMetrics, 'recordSample' | 'recordSampleSkipped'> {
  const samples = factory.counter({
    name: 'replica_samples_total',
    help: 'Blocks that this replica executed again, by outcome',
    labelNames: ['outcome'],
  });
  const skipped = factory.counter({
    name: 'replica_samples_skipped_total',
    help: 'Blocks that were drawn for the sample and left out, since earlier ones were not done',
  });
  const seconds = factory.histogram({
    name: 'replica_sample_seconds',
    help: 'Time that executing a sampled block again took',
    buckets: SAMPLE_BUCKETS_SECONDS,
  });
  return {
    recordSample: (outcome, took) => {
      samples.inc({ outcome });
      seconds.observe(took);
    },
    recordSampleSkipped: () => skipped.inc(),
  };
}
