import { loadavg } from 'node:os';
import type { LatencySummary } from '../../../src/bench/latency-histogram.ts';
import { thisMachine } from '../state-bench/bench-report.ts';
import type { SyncOutcome } from './load-jobs.ts';
import type { ReadFigures, ServerFigures } from './measure-reads.ts';

export interface RpcBenchReport {
  /** What the reads ran over. */
  readonly chain: { readonly blocks: number; readonly logs: number; readonly holders: number; readonly logsOfAnswer: number };
  /** The replica first. */
  readonly servers: readonly string[];
  readonly rounds: number;
  /** Why there is no anvil in it. */
  readonly skipped: string | undefined;
  readonly reads: readonly ReadFigures[];
  readonly sync: SyncOutcome | undefined;
}

/** For scripts: the same with the machine. */
export function reportJson(report: RpcBenchReport): string {
  return `${JSON.stringify({ machine: thisMachine(), loadAverage: loadavg()[0], ...report }, undefined, 2)}\n`;
}

/** The whole run in Markdown. */
export function formatReport(report: RpcBenchReport): string {
  const { chain, skipped, reads, sync } = report;
  const { cores, processor, node } = thisMachine();
  const lines = [
    `Machine: ${cores} cores, ${processor}, Node ${node}, load ${(loadavg()[0] as number).toFixed(1)} at the end.`,
    `Chain: ${chain.blocks} blocks with ${chain.logs} logs, ${chain.holders} holders; ${chain.logsOfAnswer.toFixed(1)} logs an answer.`,
  ];
  if (skipped !== undefined) lines.push(`No comparison: ${skipped}.`);
  if (reads.length > 0) lines.push('', ...readTable(report));
  if (sync !== undefined) lines.push('', ...syncTable(sync));
  return `${lines.join('\n')}\n`;
}

function readTable({ servers, rounds, reads }: RpcBenchReport): string[] {
  const [own, ...others] = servers as readonly [string, ...string[]];
  const head = [
    'read',
    'requests',
    ...servers.map((server) => `${server}, reads/s`),
    ...others.map((other) => `${own} to ${other}`),
    ...servers.map((server) => `${server}, p50 / p99`),
    'processor of a read',
    'client',
  ];
  const rows = reads.map(({ read, form, servers: figures }) => {
    const [first, ...rest] = figures as readonly [ServerFigures, ...ServerFigures[]];
    return row([
      read,
      form,
      ...figures.map(rateText),
      ...rest.map(({ readsPerSecond }) => `**${(first.readsPerSecond / readsPerSecond).toFixed(2)}**`),
      ...figures.map(({ p50Ms, p99Ms }) => `${ms(p50Ms)} / ${ms(p99Ms)} ms`),
      `${figures.map(({ serverUs }) => serverUs.toFixed(0)).join(' / ')} µs`,
      `${figures.map(({ clientLoad }) => (clientLoad * 100).toFixed(0)).join(' / ')} %`,
    ]);
  });
  return [
    `Reads a second: median (lowest to highest) of ${rounds} rounds. p50 / p99: of a request. Client: its share of one core.`,
    '',
    row(head),
    row(head.map(() => '---')),
    ...rows,
  ];
}

function rateText({ readsPerSecond, lowest, highest }: ServerFigures): string {
  return `${whole(readsPerSecond)} (${whole(lowest)} to ${whole(highest)})`;
}

function syncTable({ direct, replica }: SyncOutcome): string[] {
  const cells = ({ p50Ms, p90Ms, p99Ms }: LatencySummary): string[] => [p50Ms, p90Ms, p99Ms].map((value) => `${ms(value)} ms`);
  const added = (name: 'p50Ms' | 'p90Ms' | 'p99Ms'): string => `${ms((replica[name] ?? 0) - (direct[name] ?? 0))} ms`;
  return [
    row([`\`eth_sendRawTransactionSync\`, ${direct.samples} on each way`, 'p50', 'p90', 'p99']),
    row(['---', '---', '---', '---']),
    row(['to the sequencer', ...cells(direct)]),
    row(['through the replica', ...cells(replica)]),
    row(['added', added('p50Ms'), added('p90Ms'), added('p99Ms')]),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits. */
function ms(value: number | null): string {
  return value === null ? '-' : Number(value.toPrecision(3)).toString();
}
