/**
 * Bytes of compact state diffs on the wire, and the time that making and reading them takes, over the real state table:
 * `node test/perf/wire-size.ts [holders]`. The signed envelope of a mini-block, about 250 bytes, comes on top.
 */
import { decodeCompactDiff } from '../../src/protocol/compact-diff/decode.ts';
import { encodeCompactDiff } from '../../src/protocol/compact-diff/encode.ts';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { DiffPosition } from '../../src/protocol/diff-codec.ts';
import { ZERO_HASH } from '../../src/protocol/primitives.ts';
import { canonicalBytes } from '../../src/protocol/row-diff-canonical.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { type LoadKind, SyntheticLoad, type SyntheticLoadOptions } from '../support/synthetic-load.ts';

const HOLDERS = Number(process.argv[2] ?? 1_000_000);
/** Mini-blocks of 10 ms that are measured, after as many again that warm up and are not. */
const MINI_BLOCKS = 100;
const RATES = [100_000, 10_000, 1_000] as const;
/** Kind, choice of holders, share of round amounts. */
const LOADS = [
  ['erc20', 'zipf', 0.7],
  ['erc20', 'uniform', 0.7],
  ['erc20', 'zipf', 0],
  ['transfer', 'zipf', 0.7],
  ['transfer', 'uniform', 0.7],
  ['swap', 'zipf', 0.7],
  ['swap', 'uniform', 0.7],
] as const;
/** Bytes a transaction that were published for raw state diffs. */
const RAW_BYTES: Readonly<Record<LoadKind, number | undefined>> = { erc20: 200, transfer: undefined, swap: 624 };
const STEPS = ['resolve', 'encode', 'decode', 'canonical', 'apply'] as const;

/** ms, by mini-block. */
type Times = Record<(typeof STEPS)[number], number[]>;

class LoadedTable {
  readonly #table = new StateTable();
  readonly #load: SyntheticLoad;

  constructor(options: SyntheticLoadOptions) {
    this.#load = new SyntheticLoad(options);
    for (const diff of this.#load.setup()) this.#table.apply(diff, this.#table.number + 1);
  }

  measure(transactions: number): { bytes: number; keys: number; kinds: ReadonlySet<number>; times: Times } {
    const totals = { bytes: 0, keys: 0 };
    const kinds = new Set<number>();
    const times: Times = { resolve: [], encode: [], decode: [], canonical: [], apply: [] };
    for (let i = -MINI_BLOCKS; i < MINI_BLOCKS; i++) {
      const { payload, keys } = this.#miniBlock(transactions, times);
      if (i < 0) continue;
      totals.bytes += payload.length;
      totals.keys += keys;
      kinds.add(payload[0] as number);
    }
    for (const step of STEPS) times[step] = times[step].slice(MINI_BLOCKS);
    const each = (total: number): number => total / (MINI_BLOCKS * transactions);
    return { bytes: each(totals.bytes), keys: each(totals.keys), kinds, times };
  }

  #miniBlock(transactions: number, times: Times): { payload: Uint8Array; keys: number } {
    const diff = this.#load.next(transactions);
    const { rows } = this.#table;
    const number = this.#table.number + 1;
    const position: DiffPosition = { number, parentDigest: ZERO_HASH };
    const rowDiff = timed(times.resolve, () => rowDiffOf(diff, rows));
    const payload = timed(times.encode, () => encodeCompactDiff(rowDiff, rows, position));
    const decoded = timed(times.decode, () => decodeCompactDiff(payload, rows, position));
    timed(times.canonical, () => canonicalBytes(decoded, rows));
    timed(times.apply, () => this.#table.applyRows(decoded, number));
    return { payload, keys: decoded.accountRows.length + decoded.slotRows.length };
  }
}

function timed<T>(times: number[], action: () => T): T {
  const start = performance.now();
  const result = action();
  times.push(performance.now() - start);
  return result;
}

/** The lower decile: what the step takes while nothing else is given the processor. */
function undisturbed(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)] as number;
}

/** ns of a keccak256 of 64 bytes, 370 on a quiet machine of the kind that the targets are from. */
function measureKeccak(): number {
  const times: number[] = [];
  const input = new Uint8Array(64);
  for (let i = 0; i < 50; i++) {
    timed(times, () => {
      for (let k = 0; k < 1_000; k++) keccak256(input);
    });
  }
  return undisturbed(times) * 1_000;
}

console.log(
  `${HOLDERS} holders, mini-blocks of 10 ms; lower deciles of times, µs a transaction; keccak256 in ns, 370 when quiet`,
);
console.log(['kind    ', 'choice ', 'round', 'tx/s  ', 'bytes/tx', ' raw', 'keys/tx', 'kinds', ...STEPS, 'keccak'].join('  '));
for (const [kind, choice, roundShare] of LOADS) {
  const table = new LoadedTable({ kind, holders: HOLDERS, transactions: 0, choice, roundShare, seed: 1 });
  for (const rate of RATES) {
    const transactions = rate / 100;
    const { bytes, keys, kinds, times } = table.measure(transactions);
    const cells = [
      kind.padEnd(8),
      choice.padEnd(7),
      roundShare.toFixed(1).padEnd(5),
      String(rate).padEnd(6),
      bytes.toFixed(1).padStart(8),
      String(RAW_BYTES[kind] ?? '-').padStart(4),
      keys.toFixed(2).padStart(7),
      [...kinds].sort().join().padEnd(5),
      ...STEPS.map((step) => ((undisturbed(times[step]) * 1_000) / transactions).toFixed(2).padStart(step.length)),
      measureKeccak().toFixed(0).padStart(6),
    ];
    console.log(cells.join('  '));
  }
}
