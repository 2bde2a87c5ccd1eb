import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StrobeError } from '../../../src/util/errors.ts';

export interface JoinBenchOptions {
  /** Accounts and slots of the state, half of each. */
  readonly keys: number;
  readonly blocks: number;
  /** Blocks between the snapshot and the head, at least. */
  readonly tail: number;
  readonly miniBlocksPerBlock: number;
  readonly transactionsPerMiniBlock: number;
  /** That the replica joins from. */
  readonly peers: number;
  readonly mode: 'snapshot' | 'full';
  readonly seed: number;
  readonly folder: string;
  /** Join the chain that an earlier run with the same options left there. */
  readonly reuse: boolean;
}

const DEFAULTS = {
  keys: '1000000',
  blocks: '1000',
  tail: '40',
  'mini-blocks': '4',
  transactions: '25',
  peers: '2',
  mode: 'snapshot',
  seed: '1',
  folder: join(tmpdir(), 'strobe-join'),
} as const;

/** @throws StrobeError INVALID_OPTION */
export function parseJoinOptions(args: readonly string[]): JoinBenchOptions {
  const text = (name: keyof typeof DEFAULTS) => [name, { type: 'string', default: DEFAULTS[name] }] as const;
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];
  const { values } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(names.map(text)), reuse: { type: 'boolean', default: false } },
  });
  const given = values as Record<keyof typeof DEFAULTS, string> & { reuse: boolean };
  if (given.mode !== 'snapshot' && given.mode !== 'full') throw invalid('mode', 'snapshot or full');
  return {
    keys: positive('keys', given.keys),
    blocks: positive('blocks', given.blocks),
    tail: positive('tail', given.tail),
    miniBlocksPerBlock: positive('mini-blocks', given['mini-blocks']),
    transactionsPerMiniBlock: positive('transactions', given.transactions),
    peers: positive('peers', given.peers),
    mode: given.mode,
    seed: positive('seed', given.seed),
    folder: given.folder,
    reuse: given.reuse,
  };
}

/** What the chain depends on, as flags: what {@link parseJoinOptions} makes the same chain of. */
export function chainFlags(options: JoinBenchOptions): string[] {
  const { keys, blocks, tail, miniBlocksPerBlock, transactionsPerMiniBlock, seed, folder } = options;
  const flags = {
    ...{ keys, blocks, tail, seed, folder },
    ...{ 'mini-blocks': miniBlocksPerBlock, transactions: transactionsPerMiniBlock },
  };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw invalid(name, 'a whole number above 0');
  return value;
}

function invalid(name: string, expected: string): StrobeError<'INVALID_OPTION'> {
  return new StrobeError('INVALID_OPTION', `--${name}: expected ${expected}`);
}
