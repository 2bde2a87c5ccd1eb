import type { ChainReader, IndexedTransaction, LogFilter } from '../protocol/ports/chain.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { Log } from '../protocol/receipt.ts';
import { toKey } from '../util/bytes.ts';
import { type BlockNumberParam, blockNumberOf, LATEST, readBlockNumberParam } from './block-param.ts';
import type { RpcLimits } from './limits.ts';
import { assertKept, earliestBlock } from './read-blocks.ts';
import { isAbsent, readAddress, readArray, readHash, readObject, readOptional } from './read-params.ts';
import { invalidParams, rpcError } from './rpc-error.ts';

/** The filter object of eth_getLogs, eth_newFilter and the logs subscription. */
export interface LogCriteria {
  readonly addresses: readonly Address[];
  /** By position: any of these; undefined: every topic. */
  readonly topics: readonly (readonly Hash[] | undefined)[];
  readonly blockHash: Hash | undefined;
  readonly fromBlock: BlockNumberParam | undefined;
  readonly toBlock: BlockNumberParam | undefined;
}

const MAX_TOPICS = 4;

export function readLogCriteria(value: unknown, limits: Pick<RpcLimits, 'maxLogAlternatives'>, field = 'filter'): LogCriteria {
  const filter = readObject(value, field) as Partial<
    Record<'address' | 'topics' | 'blockHash' | 'fromBlock' | 'toBlock', unknown>
  >;
  const range = (end: unknown, name: string) => readBlockNumberParam(end, `${field}.${name}`);
  const criteria: LogCriteria = {
    addresses: readAddresses(filter.address, limits.maxLogAlternatives, `${field}.address`),
    topics: readTopics(filter.topics, limits.maxLogAlternatives, `${field}.topics`),
    blockHash: readOptional(filter.blockHash, `${field}.blockHash`, readHash),
    fromBlock: isAbsent(filter.fromBlock) ? undefined : range(filter.fromBlock, 'fromBlock'),
    toBlock: isAbsent(filter.toBlock) ? undefined : range(filter.toBlock, 'toBlock'),
  };
  if (criteria.blockHash !== undefined && (criteria.fromBlock ?? criteria.toBlock) !== undefined) {
    throw invalidParams(field, 'cannot specify both blockHash and fromBlock/toBlock, choose one or the other');
  }
  const { fromBlock, toBlock } = criteria;
  if (fromBlock?.kind === 'number' && toBlock?.kind === 'number') assertAscending(fromBlock.number, toBlock.number, field);
  return criteria;
}

/** @throws StrobeError INVALID_PARAMS in geth's wording */
export function assertAscending(fromBlock: number, toBlock: number, field = 'filter'): void {
  if (fromBlock > toBlock) throw invalidParams(field, 'invalid block range params: fromBlock is above toBlock');
}

function readAddresses(value: unknown, maxItems: number, field: string): Address[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) return [readAddress(value, field)];
  return readArray(value, field, maxItems).map((item) => readAddress(item, field));
}

function readTopics(value: unknown, maxItems: number, field: string): (Hash[] | undefined)[] {
  if (isAbsent(value)) return [];
  return readArray(value, field, MAX_TOPICS).map((position) => {
    if (isAbsent(position)) return undefined;
    if (!Array.isArray(position)) return [readHash(position, field)];
    const alternatives = readArray(position, field, maxItems);
    // A null among the alternatives matches every topic, and so does an empty list.
    if (alternatives.length === 0 || alternatives.some(isAbsent)) return undefined;
    return alternatives.map((topic) => readHash(topic, field));
  });
}

/** True when the criteria ask for logs of mini-blocks before their block is sealed. */
export function wantsPending({ fromBlock, toBlock }: LogCriteria): boolean {
  const isPending = (end: BlockNumberParam | undefined): boolean => end?.kind === 'tag' && end.tag === 'pending';
  return isPending(fromBlock) || isPending(toBlock);
}

/**
 * The range that criteria without block hash stand for: `latest` is the newest sealed block, `pending` the open one.
 * @throws StrobeError INVALID_PARAMS, LIMIT_EXCEEDED, UNKNOWN_BLOCK, HISTORY_PRUNED
 */
export async function resolveRange(criteria: LogCriteria, chain: ChainReader, maxBlocks: number): Promise<LogFilter> {
  const { addresses, topics } = criteria;
  const earliest = await earliestBlock(chain);
  const from = criteria.fromBlock ?? LATEST;
  const to = criteria.toBlock ?? (wantsPending(criteria) ? from : LATEST);
  const fromBlock = blockNumberOf(from, chain, earliest);
  const toBlock = lastBlockOf(to, fromBlock, chain, earliest);
  if (to.kind === 'number' && to.number > chain.head().header.number) {
    throw invalidParams('filter.toBlock', 'block range extends beyond current head block');
  }
  assertAscending(fromBlock, toBlock);
  await assertKept(fromBlock, toBlock, chain);
  if (toBlock - fromBlock >= maxBlocks) {
    throw rpcError('LIMIT_EXCEEDED', `query exceeds max block range ${maxBlocks}`);
  }
  return { fromBlock, toBlock, addresses, topics };
}

/**
 * `pending` as the end is the next block whether or not it has begun: whoever reads on from behind the newest sealed one
 * finds nothing in the meantime, and is not wrong.
 */
function lastBlockOf(to: BlockNumberParam, fromBlock: number, chain: ChainReader, earliest: number): number {
  const last = blockNumberOf(to, chain, earliest);
  const isPending = to.kind === 'tag' && to.tag === 'pending';
  return isPending && fromBlock === chain.head().header.number + 1 ? fromBlock : last;
}

/**
 * Refuses criteria that begin in pruned history, as geth does for filters and subscriptions too: their owner expects logs
 * that are not there.
 * @throws StrobeError HISTORY_PRUNED
 */
export async function assertRangeKept({ fromBlock, toBlock }: LogCriteria, chain: ChainReader): Promise<void> {
  if (fromBlock?.kind !== 'number') return;
  await assertKept(fromBlock.number, toBlock?.kind === 'number' ? toBlock.number : Number.POSITIVE_INFINITY, chain);
}

/** Tells which logs of an event match; addresses and topics are compared as hex, which each log is turned into once. */
export class LogMatcher {
  /** Undefined: every address. */
  readonly addresses: ReadonlySet<string> | undefined;
  /** By position; undefined: every topic. */
  readonly topics: readonly (ReadonlySet<string> | undefined)[];

  constructor({ addresses, topics }: Pick<LogCriteria, 'addresses' | 'topics'>) {
    this.addresses = addresses.length === 0 ? undefined : new Set(addresses.map(toKey));
    this.topics = topics.map((alternatives) => (alternatives === undefined ? undefined : new Set(alternatives.map(toKey))));
  }

  matches(log: KeyedLog): boolean {
    if (this.addresses !== undefined && !this.addresses.has(log.addressKey)) return false;
    if (this.topics.length > log.topicKeys.length) return false;
    return this.topics.every((alternatives, at) => alternatives === undefined || alternatives.has(log.topicKeys[at] as string));
  }
}

/** A log with its keys in hex, at its place. */
export interface KeyedLog {
  readonly transaction: IndexedTransaction;
  readonly log: Log;
  readonly position: number;
  readonly addressKey: string;
  readonly topicKeys: readonly string[];
}

/** Logs of transactions, in order. */
export function keyedLogs(transactions: readonly IndexedTransaction[]): KeyedLog[] {
  return transactions.flatMap((transaction) =>
    transaction.receipt.logs.map((log, position) => ({
      transaction,
      log,
      position,
      addressKey: toKey(log.address),
      topicKeys: log.topics.map(toKey),
    })),
  );
}
