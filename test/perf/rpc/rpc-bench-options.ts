import { parseArgs } from 'node:util';
import { StrobeError } from '../../../src/util/errors.ts';

export const PARTS = ['reads', 'sync'] as const;
export type PartName = (typeof PARTS)[number];

export interface RpcBenchOptions {
  readonly parts: readonly PartName[];
  /** Blocks with logs. The sequencer makes one a second. */
  readonly blocks: number;
  /** Token transfers, and so logs, of each block. */
  readonly logs: number;
  /** Accounts with ether and tokens that are read. */
  readonly holders: number;
  /** Of each read in each form, at each server. */
  readonly rounds: number;
  /** A round ends after so many seconds or so many reads, whatever comes first. */
  readonly seconds: number;
  readonly reads: number;
  readonly connections: number;
  /** Reads of a batch. */
  readonly batch: number;
  readonly batchConnections: number;
  /** Synchronous sends on each way. */
  readonly sends: number;
  readonly seed: number;
  /** Where the replica leaves its processor profile. */
  readonly profile: string | undefined;
  readonly json: boolean;
}

const COUNTS = {
  blocks: '120',
  logs: '40',
  holders: '500',
  rounds: '5',
  seconds: '2',
  reads: '200000',
  connections: '16',
  batch: '100',
  'batch-connections': '4',
  sends: '200',
  seed: '1',
} as const;

export const USAGE = `node test/perf/bench-rpc.ts [part …] [option …]

Parts, both unless one is named: ${PARTS.join(', ')}

  --blocks N             blocks with logs, one a second             ${COUNTS.blocks}
  --logs N               logs of each of them                       ${COUNTS.logs}
  --holders N            accounts that are read                     ${COUNTS.holders}
  --rounds N             of each read in each form at each server   ${COUNTS.rounds}
  --seconds N            longest time of a round                    ${COUNTS.seconds}
  --reads N              most reads of a round                      ${COUNTS.reads}
  --connections N        of the client, one request each at a time  ${COUNTS.connections}
  --batch N              reads of a batch                           ${COUNTS.batch}
  --batch-connections N  of the client when it sends batches        ${COUNTS['batch-connections']}
  --sends N              synchronous sends on each way              ${COUNTS.sends}
  --seed N               of recipients, amounts and pauses          ${COUNTS.seed}
  --profile FOLDER       where the replica leaves its CPU profiles
  --json                 one JSON document in place of the tables
`;

/** Undefined: help was asked for. @throws StrobeError INVALID_OPTION, and the TypeErrors of `parseArgs` */
export function parseRpcBenchOptions(args: readonly string[]): RpcBenchOptions | undefined {
  const names = Object.keys(COUNTS) as (keyof typeof COUNTS)[];
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string', default: COUNTS[name] }] as const)),
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const given = values as Record<keyof typeof COUNTS, string> & { profile?: string; json: boolean; help: boolean };
  if (given.help) return undefined;
  const count = (name: keyof typeof COUNTS): number => positive(name, given[name]);
  return {
    parts: positionals.length === 0 ? PARTS : positionals.map(partName),
    blocks: count('blocks'),
    logs: count('logs'),
    holders: count('holders'),
    rounds: count('rounds'),
    seconds: count('seconds'),
    reads: count('reads'),
    connections: count('connections'),
    batch: count('batch'),
    batchConnections: count('batch-connections'),
    sends: count('sends'),
    seed: count('seed'),
    profile: given.profile,
    json: given.json,
  };
}

function partName(name: string): PartName {
  const part = PARTS.find((known) => known === name);
  if (part === undefined) throw new StrobeError('INVALID_OPTION', `${name} is no part: ${PARTS.join(', ')}`);
  return part;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new StrobeError('INVALID_OPTION', `--${name}: expected a whole number above 0`);
}
