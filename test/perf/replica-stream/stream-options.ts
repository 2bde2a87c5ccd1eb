import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StrobeError } from '../../../src/util/errors.ts';

export interface StreamOptions {
  /** Length of the measured part. */
  readonly seconds: number;
  readonly transactionsPerSecond: number;
  readonly holders: number;
  /** Time between two mini-blocks; a divisor of the block's 1,000. */
  readonly intervalMs: number;
  readonly seed: number;
  /** Where the stream lies: some 20 bytes a transaction, in the canonical form ten times that. */
  readonly folder: string;
  /** Play what an earlier run with the same options left there. */
  readonly reuse: boolean;
}

const BLOCK_INTERVAL_MS = 1_000;

const DEFAULTS = {
  seconds: '60',
  'transactions-per-second': '100000',
  holders: '1000000',
  'interval-ms': '10',
  seed: '1',
  folder: join(tmpdir(), 'strobe-replica-stream'),
} as const;

/** @throws StrobeError INVALID_OPTION */
export function parseStreamOptions(args: readonly string[]): StreamOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: DEFAULTS.seconds },
      'transactions-per-second': { type: 'string', default: DEFAULTS['transactions-per-second'] },
      holders: { type: 'string', default: DEFAULTS.holders },
      'interval-ms': { type: 'string', default: DEFAULTS['interval-ms'] },
      seed: { type: 'string', default: DEFAULTS.seed },
      folder: { type: 'string', default: DEFAULTS.folder },
      reuse: { type: 'boolean', default: false },
    },
  });
  const intervalMs = positive('interval-ms', values['interval-ms']);
  if (BLOCK_INTERVAL_MS % intervalMs !== 0) throw invalid('interval-ms', 'a divisor of 1000');
  return {
    seconds: positive('seconds', values.seconds),
    transactionsPerSecond: positive('transactions-per-second', values['transactions-per-second']),
    holders: positive('holders', values.holders),
    intervalMs,
    seed: positive('seed', values.seed),
    folder: values.folder,
    reuse: values.reuse,
  };
}

/** The options as flags: what {@link parseStreamOptions} makes the same of. */
export function toFlags(options: StreamOptions): string[] {
  const { seconds, transactionsPerSecond, holders, intervalMs, seed, folder } = options;
  const flags = { seconds, 'transactions-per-second': transactionsPerSecond, holders, 'interval-ms': intervalMs, seed, folder };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

export function miniBlocksPerBlock({ intervalMs }: StreamOptions): number {
  return BLOCK_INTERVAL_MS / intervalMs;
}

export function transactionsPerMiniBlock({ intervalMs, transactionsPerSecond }: StreamOptions): number {
  return Math.max(1, Math.round((transactionsPerSecond * intervalMs) / 1_000));
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw invalid(name, 'a whole number above 0');
  return value;
}

function invalid(name: string, expected: string): StrobeError<'INVALID_OPTION'> {
  return new StrobeError('INVALID_OPTION', `--${name}: expected ${expected}`);
}
