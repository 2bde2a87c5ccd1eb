import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { StrobeError } from '../../../src/util/errors.ts';
import { isPartName, PART_NAMES, type PartName } from './parts.ts';

/** How large the loads are; plain data, as it goes to other processes. */
export interface BenchSizes {
  /** Accounts of the parts `wire`, `apply` and `root`; each has a slot in one token, or two for swaps. */
  readonly holders: number;
  /** Accounts and slots together, of the parts `memory` and `recovery`. */
  readonly keys: number;
  /** Slots of the trie that is compared with @ethereumjs/mpt, which takes minutes for a million. */
  readonly mptKeys: number;
  /** Log behind the snapshot that `recovery` replays. */
  readonly logSeconds: number;
  /** Of the parts `apply` and `recovery`. */
  readonly transactionsPerSecond: number;
}

export interface BenchOptions {
  readonly parts: readonly PartName[];
  readonly sizes: BenchSizes;
  /** Snapshots and logs lie here for the time of a part: its disk is what is measured. */
  readonly directory: string;
  readonly json: boolean;
}

const DEFAULT_SIZES: BenchSizes = {
  holders: 1_000_000,
  keys: 1_000_000,
  mptKeys: 50_000,
  logSeconds: 10,
  transactionsPerSecond: 100_000,
};

export const USAGE = `node test/perf/bench-state.ts [part …] [option …]

Parts, all of them unless some are named: ${PART_NAMES.join(', ')}

  --holders N                  accounts of wire, apply and root      ${DEFAULT_SIZES.holders}
  --keys N                     accounts and slots of memory, recovery ${DEFAULT_SIZES.keys}
  --mpt-keys N                 slots compared with @ethereumjs/mpt   ${DEFAULT_SIZES.mptKeys}
  --log-seconds N              log that recovery replays             ${DEFAULT_SIZES.logSeconds}
  --transactions-per-second N  of apply and recovery                 ${DEFAULT_SIZES.transactionsPerSecond}
  --directory PATH             whose disk is measured                ${tmpdir()}
  --json                       one JSON document in place of the table
`;

/** Undefined: help was asked for. @throws StrobeError INVALID_OPTION, and the TypeErrors of `parseArgs` */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      holders: { type: 'string' },
      keys: { type: 'string' },
      'mpt-keys': { type: 'string' },
      'log-seconds': { type: 'string' },
      'transactions-per-second': { type: 'string' },
      directory: { type: 'string', default: tmpdir() },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const size = (name: Exclude<keyof typeof values, 'directory' | 'json' | 'help'>, fallback: number): number =>
    wholeNumber(name, values[name] ?? `${fallback}`);
  return {
    parts: positionals.length === 0 ? PART_NAMES : positionals.map(partName),
    sizes: {
      holders: size('holders', DEFAULT_SIZES.holders),
      keys: size('keys', DEFAULT_SIZES.keys),
      mptKeys: size('mpt-keys', DEFAULT_SIZES.mptKeys),
      logSeconds: size('log-seconds', DEFAULT_SIZES.logSeconds),
      transactionsPerSecond: size('transactions-per-second', DEFAULT_SIZES.transactionsPerSecond),
    },
    directory: values.directory,
    json: values.json,
  };
}

function partName(name: string): PartName {
  if (isPartName(name)) return name;
  throw new StrobeError('INVALID_OPTION', `${name} is no part: ${PART_NAMES.join(', ')}`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new StrobeError('INVALID_OPTION', `--${name}: expected a whole number above 0`);
}
