import type { WorkloadName } from './bench-options.ts';
import type { ClockReport } from './clock-metrics.ts';
import type { ObserverMode } from './inclusion-observer.ts';
import type { LatencySummary } from './latency-histogram.ts';
import type { ProvedReport } from './proved-blocks.ts';
import type { SyncReport } from './sync-sampler.ts';
import type { ErrorCount } from './transaction-ledger.ts';
import type { WireReport } from './wire-metrics.ts';

/** What one replica showed: how much later than the sequencer each transaction became visible there. */
export type ReplicaReport = {
  url: string;
  mode: ObserverMode | null;
  seen: number;
  delay: LatencySummary;
  /** Why the measurement is missing or incomplete. */
  error: string | null;
};

/** The result of a run: plain JSON, units in the names. */
export type BenchReport = {
  workload: WorkloadName;
  rpcUrl: string;
  chainId: number;
  observer: ObserverMode;
  settings: {
    accounts: number;
    batchSize: number;
    concurrency: number;
    rate: number;
    maxPending: number;
    seed: number;
  };
  transactions: {
    planned: number;
    sent: number;
    rejected: number;
    /** Accepted behind a refused transaction of the same account, so they wait for a nonce that never comes. */
    stranded: number;
    included: number;
    /** Included with status 0. */
    failed: number;
    /** Accepted and not stranded, but without a receipt at the end. */
    lost: number;
    lostHashes: string[];
    /** True when every accepted transaction has a receipt. */
    allReceiptsFound: boolean;
  };
  /** From the first send to the last inclusion. */
  elapsedSeconds: number;
  transactionsPerSecond: number;
  gasUsed: string;
  gasPerSecond: number;
  submitToReceipt: LatencySummary;
  /** Single `eth_sendRawTransactionSync` calls on the idle node; null when not supported or not asked for. */
  syncSend: SyncReport | null;
  miniBlockInterval: LatencySummary | null;
  replicas: ReplicaReport[];
  /** From the sequencer's metrics; null without a metrics URL. */
  sequencerClock: ClockReport | null;
  /** Null without a metrics URL, or when the node does not count. */
  wire: WireReport | null;
  /** Null when the node has no `safe` block. */
  proved: ProvedReport | null;
  errors: ErrorCount[];
  driver: {
    /** CPU of this process during the load, of one core. */
    cpuPercent: number;
    /** How late the worst batch left; 0 without a rate. */
    maxSendLagMs: number;
    endedEarly: boolean;
  };
};

/** Events per second; 0 when no time passed. */
export function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs > 0 ? (count * 1_000) / elapsedMs : 0;
}
