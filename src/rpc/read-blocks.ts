import type { Block, ChainReader, OpenBlock } from '../protocol/ports/chain.ts';
import { isStrobeError } from '../util/errors.ts';
import { type BlockNumberParam, type BlockParam, blockNumberOf } from './block-param.ts';
import { rpcError } from './rpc-error.ts';

// Every method that reads blocks learns here which of them were pruned (EIP-4444). As in geth, whoever names such a block
// by its number gets error 4444, and `earliest` is the oldest block that is left. Hashes of pruned blocks are not known.

/** The block that `earliest` stands for: block 0 until history is pruned, the oldest block that was kept then. */
export async function earliestBlock(chain: Pick<ChainReader, 'oldestBlock'>): Promise<number> {
  const oldest = await chain.oldestBlock();
  return oldest > 1 ? oldest : 0;
}

/**
 * Refuses a range, both ends inclusive, of which a part is pruned. Block 0 never is.
 * @throws StrobeError HISTORY_PRUNED
 */
export async function assertKept(first: number, last: number, chain: Pick<ChainReader, 'oldestBlock'>): Promise<void> {
  const firstPrunable = Math.max(first, 1);
  if (firstPrunable > last || firstPrunable >= (await chain.oldestBlock())) return;
  throw rpcError('HISTORY_PRUNED', 'pruned history unavailable');
}

/** Tries once more what `earliest` began: that block may be pruned while it is read, and there is a younger one then. */
export function retryEarliest<T>(param: BlockNumberParam, attempt: () => Promise<T>): Promise<T> {
  return attempt().catch((error: unknown) => {
    const isEarliest = param.kind === 'tag' && param.tag === 'earliest';
    if (isEarliest && isStrobeError(error, 'HISTORY_PRUNED')) return attempt();
    throw error;
  });
}

/**
 * Reads what belongs to one block; undefined: there is nothing.
 * @throws StrobeError HISTORY_PRUNED, UNKNOWN_BLOCK, and what `read` throws
 */
export function readAtBlock<T>(
  param: BlockNumberParam,
  chain: ChainReader,
  read: (blockNumber: number) => Promise<T>,
): Promise<T> {
  return retryEarliest(param, async () => {
    const blockNumber = blockNumberOf(param, chain, await earliestBlock(chain));
    await assertKept(blockNumber, blockNumber, chain);
    const result = await read(blockNumber);
    // It may have been pruned since.
    if (result === undefined) await assertKept(blockNumber, blockNumber, chain);
    return result;
  });
}

/**
 * The block that a parameter stands for; `pending` is the open block when there is one.
 * @throws StrobeError HISTORY_PRUNED, UNKNOWN_BLOCK
 */
export async function findBlock(param: BlockParam, chain: ChainReader): Promise<Block | OpenBlock | undefined> {
  if (param.kind === 'tag' && param.tag === 'pending') {
    const open = chain.openBlock();
    if (open !== undefined) return open;
  }
  return findSealedBlock(param, chain);
}

/** @throws StrobeError HISTORY_PRUNED, UNKNOWN_BLOCK */
export async function findSealedBlock(param: BlockParam, chain: ChainReader): Promise<Block | undefined> {
  if (param.kind === 'hash') return chain.blockByHash(param.hash);
  return readAtBlock(param, chain, (blockNumber) => chain.blockByNumber(blockNumber));
}
