import { hashHeader } from '../../protocol/block-header.ts';
import type { ChainReader } from '../../protocol/ports/chain.ts';
import { bytesEqual, type Hex, toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { blockNumberOf, LATEST } from '../block-param.ts';
import { formatIndexedLog, type RpcLog } from '../format-receipt.ts';
import { assertAscending, type LogCriteria, readLogCriteria, wantsPending } from '../log-criteria.ts';
import { encodeLogCursor, type LogCursor, readLogCursor } from '../log-cursor.ts';
import { assertKept, earliestBlock } from '../read-blocks.ts';
import { isAbsent, readObject } from '../read-params.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** No cursor: nothing is left. */
interface LogsWithCursor {
  readonly logs: readonly RpcLog[];
  readonly cursor?: Hex;
}

/**
 * `eth_getLogs` for ranges of any length, as much at a time as one answer may have. The blocks of a search are fixed
 * when it begins: what is sealed later is for the next one.
 */
export const ethGetLogsWithCursor: RpcMethod<{ filter: unknown }> = {
  name: 'eth_getLogsWithCursor',
  maxParams: 1,
  parse: ([filter]) => ({ filter }),
  handle: async ({ filter }, { backend: { chain }, limits }): Promise<LogsWithCursor> => {
    const criteria = readLogCriteria(filter, limits);
    if (wantsPending(criteria)) throw invalidParams('filter', 'a search with cursor ends at a sealed block, not at pending');
    const { cursor: given } = readObject(filter, 'filter') as { cursor?: unknown };
    const { next, toBlock, toHash } = isAbsent(given)
      ? await beginSearch(criteria, chain)
      : await resumeSearch(readLogCursor(given, criteria, 'filter.cursor'), chain);
    const { addresses, topics } = criteria;
    const page = await chain.logPage({ fromBlock: next.blockNumber, toBlock, addresses, topics }, next.logIndex);
    const logs = page.logs.map(formatIndexedLog);
    return page.next === undefined ? { logs } : { logs, cursor: encodeLogCursor({ next: page.next, toBlock, toHash }, criteria) };
  },
};

/** @throws StrobeError BLOCK_NOT_FOUND, INVALID_PARAMS, UNKNOWN_BLOCK, HISTORY_PRUNED */
async function beginSearch(criteria: LogCriteria, chain: ChainReader): Promise<LogCursor> {
  if (criteria.blockHash !== undefined) {
    const block = await chain.blockByHash(criteria.blockHash);
    if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'unknown block');
    const { number } = block.header;
    return { next: { blockNumber: number, logIndex: 0 }, toBlock: number, toHash: block.hash };
  }
  const earliest = await earliestBlock(chain);
  const fromBlock = blockNumberOf(criteria.fromBlock ?? LATEST, chain, earliest);
  const toBlock = blockNumberOf(criteria.toBlock ?? LATEST, chain, earliest);
  if (toBlock > chain.head().header.number) {
    throw invalidParams('filter.toBlock', 'block range extends beyond current head block');
  }
  assertAscending(fromBlock, toBlock);
  await assertKept(fromBlock, toBlock, chain);
  return { next: { blockNumber: fromBlock, logIndex: 0 }, toBlock, toHash: await hashOf(toBlock, chain) };
}

/** @throws StrobeError CURSOR_ORPHANED, HISTORY_PRUNED */
async function resumeSearch(cursor: LogCursor, chain: ChainReader): Promise<LogCursor> {
  const { toBlock, toHash, next } = cursor;
  const isKnown = toBlock <= chain.head().header.number && bytesEqual(await hashOf(toBlock, chain), toHash);
  if (!isKnown) {
    const message = `the cursor is orphaned: block ${quantity(toBlock)} ${toHex(toHash)} is not part of the chain any more, search again`;
    throw rpcError('CURSOR_ORPHANED', message);
  }
  if (next.blockNumber > toBlock) throw invalidParams('filter.cursor', 'the cursor lies behind its last block');
  await assertKept(next.blockNumber, toBlock, chain);
  return cursor;
}

/** @throws StrobeError BLOCK_NOT_FOUND when it was pruned or undone meanwhile */
async function hashOf(blockNumber: number, chain: ChainReader): Promise<Uint8Array> {
  const head = chain.head();
  if (blockNumber === head.header.number) return head.hash;
  if (blockNumber === 0) return chain.genesisHash;
  const seal = await chain.sealOf(blockNumber);
  if (seal !== undefined) return hashHeader(seal.header);
  const block = await chain.blockByNumber(blockNumber);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'header not found');
  return block.hash;
}
