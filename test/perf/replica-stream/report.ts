import type { StreamIndex } from './stream-file.ts';
import type { StreamOptions } from './stream-options.ts';

export interface Measured {
  readonly options: StreamOptions;
  readonly index: StreamIndex;
  /** Whether replica and generator had a core each. */
  readonly isPinned: boolean;
  readonly setUpSeconds: number;
  readonly playedSeconds: number;
  /** From the last mini-block published until it was visible. */
  readonly drainSeconds: number;
  /** Why the last mini-block was never seen. */
  readonly failure: string | undefined;
  /** By mini-block number. */
  readonly publishedAtMs: readonly (number | undefined)[];
  readonly visibleAtMs: readonly (number | undefined)[];
  readonly late: number;
  /** Records that the replica fetched because gossip did not bring them. */
  readonly served: number;
  readonly states: Readonly<Record<string, number>>;
  readonly statesWhilePlaying: readonly string[];
  /** Cores used by the replica, by thread name, most first. */
  readonly processorShares: ReadonlyMap<string, number>;
  /** Of the replica, bytes. */
  readonly resident: { readonly now: number; readonly peak: number };
  readonly metrics: ReadonlyMap<string, number>;
  /** Of the machine in the last minute. */
  readonly load: number;
}

/** What counts as keeping up: `live` all the while, and 99 of 100 mini-blocks visible in this time. */
const TARGET_P99_MS = 100;
/** Threads that use less are summed up. */
const LEAST_SHARE = 0.005;

/** Prints the measurement for people, and as one JSON line for scripts. */
export function printReport(measured: Measured): void {
  const { index, options, playedSeconds, resident } = measured;
  const lags = lagsOf(measured);
  const lag = { p50: percentile(lags, 0.5), p99: percentile(lags, 0.99), max: lags.at(-1) ?? Number.NaN };
  const unseen = index.lastMiniBlock - index.lastSetUp - lags.length;
  const isLive = measured.statesWhilePlaying.every((state) => state === 'live');
  const isKept = isLive && unseen === 0 && lag.p99 < TARGET_P99_MS;
  const rate = index.transactions / options.seconds;
  const bytes = { diff: index.diffBytes / index.transactions, message: index.messageBytes / index.transactions };
  const rows: [string, string][] = [
    ['stream', `${fixed(rate)} ERC-20 transfers/s, a diff each ${options.intervalMs} ms, ${options.holders} holders`],
    ['size', `${fixed(bytes.diff, 1)} bytes of diff a transfer, ${fixed(bytes.message, 1)} with the envelope`],
    ['set-up', `${fixed(measured.setUpSeconds, 1)} s`],
    ['played', `${fixed(playedSeconds, 1)} s; ${measured.late} mini-blocks late by the generator's fault`],
    ['lag', `p50 ${fixed(lag.p50, 1)} ms, p99 ${fixed(lag.p99, 1)} ms, max ${fixed(lag.max, 1)} ms`],
    ['missed', `${unseen} mini-blocks never seen, ${measured.served} records fetched instead of gossiped`],
    ['at the end', measured.failure ?? `all visible ${fixed(measured.drainSeconds * 1_000)} ms after the last was published`],
    ['state', JSON.stringify(measured.states)],
    ['processor', [...groupSmall(measured.processorShares)].map(([name, share]) => `${name} ${percent(share)}`).join(', ')],
    ['memory', `${mebibytes(resident.now)} resident, ${mebibytes(resident.peak)} at most`],
    ['metrics', [...measured.metrics].map(([name, value]) => `${name} ${value}`).join(', ')],
    ['machine', `${measured.isPinned ? 'a core each' : 'NOT PINNED'}, load ${fixed(measured.load, 2)}`],
    ['verdict', isKept ? `kept up: live, p99 below ${TARGET_P99_MS} ms` : 'did not keep up'],
  ];
  for (const [name, text] of rows) console.log(`${name.padEnd(11)}${text}`);
  const { seconds, transactionsPerSecond, holders } = options;
  console.log(JSON.stringify({ seconds, transactionsPerSecond, holders, lagMs: lag, unseen, isLive, isKept, bytes }));
}

/** Publish to visible of the measured mini-blocks that were seen, ascending, ms. */
function lagsOf({ index, publishedAtMs, visibleAtMs }: Measured): Float64Array {
  const lags: number[] = [];
  for (let number = index.lastSetUp + 1; number <= index.lastMiniBlock; number++) {
    const [from, to] = [publishedAtMs[number], visibleAtMs[number]];
    if (from !== undefined && to !== undefined) lags.push(to - from);
  }
  return Float64Array.from(lags).sort();
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function groupSmall(shares: ReadonlyMap<string, number>): Map<string, number> {
  const all = [...shares];
  const large = all.filter(([, share]) => share >= LEAST_SHARE);
  const rest = all.filter(([, share]) => share < LEAST_SHARE).reduce((sum, [, share]) => sum + share, 0);
  const total = all.reduce((sum, [, share]) => sum + share, 0);
  return new Map([['all', total], ...large, ['others', rest]]);
}

const fixed = (value: number, digits = 0): string => value.toFixed(digits);
const percent = (share: number): string => `${fixed(share * 100)} %`;
const mebibytes = (bytes: number): string => `${fixed(bytes / 2 ** 20)} MiB`;
