import type { BenchReport } from './bench-report.ts';
import type { LatencySummary } from './latency-histogram.ts';

const LABEL_WIDTH = 26;

/** The report for people: one fact a line, aligned. */
export function formatReport(report: BenchReport): string {
  const { transactions } = report;
  const rows: [string, string][] = [
    ['workload', `${report.workload} on chain ${report.chainId} (${report.rpcUrl}, ${report.observer})`],
    ['throughput', `${whole(report.transactionsPerSecond)} tx/s, ${decimal(report.gasPerSecond / 1e6)} MGas/s`],
    ['included', `${whole(transactions.included)} of ${whole(transactions.sent)} sent in ${decimal(report.elapsedSeconds)} s`],
    ['submit to receipt', latencies(report.submitToReceipt)],
  ];
  if (report.syncSend) rows.push(['single sync send', latencies(report.syncSend)]);
  if (report.miniBlockInterval) rows.push(['mini-block interval', latencies(report.miniBlockInterval)]);
  if (report.sequencerClock) rows.push(['sequencer clock', clockText(report.sequencerClock)]);
  for (const replica of report.replicas) rows.push([`replica ${new URL(replica.url).host}`, replicaText(replica)]);
  if (report.wire) rows.push(['bytes on the wire', wireText(report.wire)]);
  if (report.proved) rows.push(['proved (safe)', provedText(report.proved)]);
  rows.push(['failed / rejected', `${whole(transactions.failed)} / ${whole(transactions.rejected)}`]);
  if (transactions.stranded > 0) rows.push(['stranded', `${whole(transactions.stranded)} behind a rejected one`]);
  rows.push(['receipts', receiptText(transactions)]);
  rows.push(['driver CPU', `${whole(report.driver.cpuPercent)} % of one core`]);
  if (report.settings.rate > 0) rows.push(['largest send lag', milliseconds(report.driver.maxSendLagMs)]);
  if (report.driver.endedEarly) rows.push(['note', 'the time limit ended the load before everything was sent']);
  for (const { code, message, count } of report.errors) rows.push([`error ${code}`, `${whole(count)} x ${message}`]);
  return `${rows.map(([label, value]) => `  ${label.padEnd(LABEL_WIDTH)}${value}`).join('\n')}\n`;
}

function latencies({ samples, p50Ms, p90Ms, p99Ms, maxMs }: LatencySummary): string {
  if (samples === 0) return 'no samples';
  const parts = [`p50 ${milliseconds(p50Ms)}`, `p90 ${milliseconds(p90Ms)}`, `p99 ${milliseconds(p99Ms)}`];
  return `${parts.join(', ')}, max ${milliseconds(maxMs)} (${whole(samples)} samples)`;
}

function replicaText({ delay, seen, error }: BenchReport['replicas'][number]): string {
  if (seen === 0) return error ?? 'saw nothing';
  const text = `visible after p50 ${milliseconds(delay.p50Ms)}, p99 ${milliseconds(delay.p99Ms)} (${whole(seen)} seen)`;
  return error === null ? text : `${text}; ${error}`;
}

function clockText({ intervals, p99BelowMs, within15Ms }: NonNullable<BenchReport['sequencerClock']>): string {
  const p99 = p99BelowMs === null ? 'above its largest bucket' : `at most ${whole(p99BelowMs)} ms`;
  return `p99 ${p99}, ${decimal(within15Ms * 100)} % within 15 ms (${whole(intervals)} intervals with work)`;
}

function wireText({ bytes, bytesPerTransaction }: NonNullable<BenchReport['wire']>): string {
  return `${decimal(bytesPerTransaction ?? 0)} per transaction (${whole(bytes)} in all)`;
}

function provedText({
  transactionsPerSecond,
  transactions,
  blocks,
  seconds,
  unattestedBlocks,
}: NonNullable<BenchReport['proved']>): string {
  const what = `${whole(transactions)} in ${whole(blocks)} blocks that became safe in ${decimal(seconds)} s`;
  return `${whole(transactionsPerSecond)} tx/s (${what}, ${whole(unattestedBlocks)} blocks behind at the end)`;
}

function receiptText({ allReceiptsFound, lost, lostHashes }: BenchReport['transactions']): string {
  if (allReceiptsFound) return 'every accepted transaction has its receipt, none lost';
  return `${whole(lost)} LOST, e.g. ${lostHashes[0]}`;
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${decimal(value)} ms`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function decimal(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: value < 10 ? 2 : 1 });
}
