import { setMaxListeners } from 'node:events';
import type { StrobeError } from '../util/errors.ts';
import { type BenchOptions, endpointsOf, loadLimitMs } from './bench-options.ts';
import { ChangeSignal } from './change-signal.ts';
import { InclusionObserver, type ObserverMode } from './inclusion-observer.ts';
import type { LatencySummary } from './latency-histogram.ts';
import { LoadDriver } from './load-driver.ts';
import { type MetricsPages, readMetricsPage } from './metrics-page.ts';
import { MiniBlockClock } from './mini-block-clock.ts';
import type { RunModules } from './prepare-run.ts';
import type { PresignedLoad } from './presigned-load.ts';
import { readSafeMark, type SafeMark } from './proved-blocks.ts';
import { ReplicaWatch } from './replica-watch.ts';
import { TransactionLedger } from './transaction-ledger.ts';
import { indexHashes } from './visibility-log.ts';

export type Measurement = {
  ledger: TransactionLedger;
  observer: ObserverMode;
  miniBlockInterval: LatencySummary | null;
  replicas: readonly ReplicaWatch[];
  /** Null without a metrics URL, or when it cannot be read. */
  metrics: MetricsPages | null;
  /** The safe block when the load began and when everything was included; null when the node has no such tag. */
  safe: { before: SafeMark | null; after: SafeMark | null };
  cpuPercent: number;
  maxSendLagMs: number;
  endedEarly: boolean;
};

/**
 * Sends the load while watching the node and the replicas, and waits for the last inclusions.
 * @throws StrobeError when the watched node's subscription ends: without it nothing was measured
 */
export async function measureLoad(
  options: BenchOptions,
  modules: RunModules,
  load: PresignedLoad,
  signal: AbortSignal,
): Promise<Measurement> {
  const { rpc, progress } = modules;
  const index = indexHashes(load.hashes);
  const changes = new ChangeSignal();
  const ledger = new TransactionLedger(index, changes);
  const clock = new MiniBlockClock();
  const loss = new AbortController();
  const observer = new InclusionObserver(options.ws ?? endpointsOf(options.rpc).wsUrl, {
    onInclusion: ({ hashes, atMs, miniBlock }) => {
      if (miniBlock) clock.record(miniBlock);
      ledger.recordIncluded(hashes, atMs);
      progress.update(ledger.visibility.seenCount);
    },
    onLost: (error) => loss.abort(error),
  });
  const replicas = options.replicas.map((url) => new ReplicaWatch(url, index, changes));
  const stop = AbortSignal.any([signal, loss.signal]);
  try {
    const mode = await observer.start();
    await Promise.all(replicas.map((replica) => replica.start()));
    const before = await metricsPage(options);
    const safeBefore = await readSafeMark(rpc);
    const driver = new LoadDriver(options, { rpc, ledger, changes }, load);
    progress.start(options.workload, load.hashes.length);
    const cpuPercent = await measureCpu(() => sendAndDrain(driver, ledger, changes, options, stop));
    await waitForReplicas(replicas, ledger, changes, options, stop);
    if (loss.signal.aborted) throw loss.signal.reason as StrobeError;
    const after = before === null ? null : await metricsPage(options);
    const safe = { before: safeBefore, after: await readSafeMark(rpc) };
    const miniBlockInterval = mode === 'miniBlocks' ? clock.summary() : null;
    const metrics = before === null || after === null ? null : { before, after };
    const { maxLagMs: maxSendLagMs, endedEarly } = driver;
    return { ledger, observer: mode, miniBlockInterval, replicas, metrics, safe, cpuPercent, maxSendLagMs, endedEarly };
  } finally {
    progress.stop();
    observer.stop();
    for (const replica of replicas) replica.stop();
  }
}

async function sendAndDrain(
  driver: LoadDriver,
  ledger: TransactionLedger,
  changes: ChangeSignal,
  options: BenchOptions,
  stop: AbortSignal,
): Promise<void> {
  await driver.run(limited(stop, loadLimitMs(options)));
  await changes.waitUntil(() => ledger.pending <= 0, limited(stop, options.drainSeconds * 1_000));
}

async function waitForReplicas(
  replicas: readonly ReplicaWatch[],
  ledger: TransactionLedger,
  changes: ChangeSignal,
  options: BenchOptions,
  stop: AbortSignal,
): Promise<void> {
  const goal = ledger.visibility.seenCount;
  const isDone = (): boolean => replicas.every((replica) => replica.error !== null || replica.visibility.seenCount >= goal);
  await changes.waitUntil(isDone, limited(stop, options.drainSeconds * 1_000));
}

/** Per cent of one core that this process used while `work` ran. */
async function measureCpu(work: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  const usageBefore = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(usageBefore);
  return (user + system) / 10 / Math.max(1, performance.now() - startedAtMs);
}

function limited(stop: AbortSignal, ms: number): AbortSignal {
  const limit = AbortSignal.any([stop, AbortSignal.timeout(ms)]);
  // One listener per lane, and lanes are bounded by the options.
  setMaxListeners(0, limit);
  return limit;
}

/** Null without a metrics URL, or when it cannot be read: a node without metrics is still worth measuring. */
async function metricsPage({ metrics }: BenchOptions): Promise<string | null> {
  if (metrics === undefined) return null;
  return readMetricsPage(metrics).catch(() => null);
}
