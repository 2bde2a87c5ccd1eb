import { type BenchOptions, type BenchOptionsInput, parseBenchOptions } from './bench-options.ts';
import { type BenchReport, perSecond } from './bench-report.ts';
import { clockReport, parseIntervals } from './clock-metrics.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { type Measurement, measureLoad } from './measure-load.ts';
import { type PreparedRun, prepareRun, type RunModules } from './prepare-run.ts';
import { type BenchIo, PhaseProgress } from './progress.ts';
import { provedReport } from './proved-blocks.ts';
import { auditReceipts, type ReceiptAudit } from './receipt-audit.ts';
import { formatReport } from './report-table.ts';
import { RpcClient } from './rpc-client.ts';
import { type SyncReport, sampleSyncSends } from './sync-sampler.ts';
import type { TransactionLedger } from './transaction-ledger.ts';
import { parsePublishedBytes, wireReport } from './wire-metrics.ts';

/**
 * Measures an Ethereum node under load: set-up, load, drain, check of every receipt, single synchronous sends.
 * Prints the report to `io.stdout` (one JSON document with `json`) and returns it.
 * @throws StrobeError with a BENCH_ code when the run cannot start or what it measures goes away
 */
export async function runBench(input: BenchOptionsInput, io: BenchIo): Promise<BenchReport> {
  const options = parseBenchOptions(input);
  const signal = io.signal ?? new AbortController().signal;
  const modules: RunModules = {
    rpc: new RpcClient(options.rpc, options.concurrency),
    progress: new PhaseProgress(io.stderr),
  };
  try {
    const run = await prepareRun(options, modules, signal);
    const measurement = await measureLoad(options, modules, run.load, signal);
    const audit = await checkReceipts(modules, run, measurement.ledger);
    const syncSend = await sampleSync(options, modules, run, signal);
    const proved = await provedReport(modules.rpc, measurement.safe.before, measurement.safe.after);
    const report = { ...buildReport(options, run, measurement, audit, syncSend), proved };
    io.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatReport(report));
    return report;
  } finally {
    modules.progress.stop();
    modules.rpc.close();
  }
}

async function checkReceipts(
  { rpc, progress }: RunModules,
  { load }: PreparedRun,
  ledger: TransactionLedger,
): Promise<ReceiptAudit> {
  progress.start('receipts', ledger.sent);
  const audit = await auditReceipts(rpc, load.hashes, ledger, (checked) => progress.update(checked));
  progress.stop();
  return audit;
}

async function sampleSync(
  { syncSamples }: BenchOptions,
  { rpc }: RunModules,
  { accounts, terms, workload }: PreparedRun,
  signal: AbortSignal,
): Promise<SyncReport | null> {
  if (syncSamples === 0) return null;
  return sampleSyncSends(rpc, accounts, terms, workload, syncSamples, signal);
}

function buildReport(
  options: BenchOptions,
  run: PreparedRun,
  measurement: Measurement,
  audit: ReceiptAudit,
  syncSend: SyncReport | null,
): Omit<BenchReport, 'proved'> {
  const { ledger, metrics } = measurement;
  const { accounts, batchSize, concurrency, rate, maxPending, seed } = options;
  const elapsedMs = (ledger.lastSeenAtMs ?? 0) - (ledger.firstSentAtMs ?? 0);
  const { included, failed, lost, lostHashes } = audit;
  return {
    workload: options.workload,
    rpcUrl: options.rpc,
    chainId: Number(run.terms.chainId),
    observer: measurement.observer,
    settings: { accounts, batchSize, concurrency, rate, maxPending, seed },
    transactions: {
      planned: ledger.total,
      sent: ledger.sent,
      rejected: ledger.rejected,
      stranded: ledger.stranded,
      included,
      failed,
      lost,
      lostHashes,
      allReceiptsFound: lost === 0,
    },
    elapsedSeconds: Math.max(0, elapsedMs) / 1_000,
    transactionsPerSecond: perSecond(included, elapsedMs),
    gasUsed: audit.gasUsed.toString(),
    gasPerSecond: perSecond(Number(audit.gasUsed), elapsedMs),
    submitToReceipt: latencyOf(ledger),
    syncSend,
    miniBlockInterval: measurement.miniBlockInterval,
    replicas: measurement.replicas.map((replica) => replica.report(ledger.visibility, ledger.total)),
    sequencerClock: metrics === null ? null : clockReport(parseIntervals(metrics.before), parseIntervals(metrics.after)),
    wire: metrics === null ? null : wireReport(parsePublishedBytes(metrics.before), parsePublishedBytes(metrics.after), included),
    errors: ledger.errors(),
    driver: {
      cpuPercent: measurement.cpuPercent,
      maxSendLagMs: measurement.maxSendLagMs,
      endedEarly: measurement.endedEarly,
    },
  };
}

function latencyOf(ledger: TransactionLedger): BenchReport['submitToReceipt'] {
  const histogram = new LatencyHistogram();
  for (let index = 0; index < ledger.total; index++) {
    const latencyMs = ledger.latencyMs(index);
    if (latencyMs !== undefined) histogram.recordMs(latencyMs);
  }
  return histogram.summary();
}
