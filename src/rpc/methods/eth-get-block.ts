import type { Hash } from '../../protocol/primitives.ts';
import { type BlockNumberParam, isSealed, readBlockNumberParam } from '../block-param.ts';
import { formatBlock, formatOpenBlock } from '../format-block.ts';
import { findBlock } from '../read-blocks.ts';
import { isAbsent, readBoolean, readHash } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

export const ethGetBlockByHash: RpcMethod<{ hash: Hash; full: boolean }> = {
  name: 'eth_getBlockByHash',
  maxParams: 2,
  parse: ([hash, full]) => ({ hash: readHash(hash, 'hash'), full: readFull(full) }),
  handle: async ({ hash, full }, { backend }) => {
    const block = await backend.chain.blockByHash(hash);
    return block === undefined ? null : formatBlock(block, full);
  },
};

/** Null above the head; `pending` is the open block with a null hash. */
export const ethGetBlockByNumber: RpcMethod<{ block: BlockNumberParam; full: boolean }> = {
  name: 'eth_getBlockByNumber',
  maxParams: 2,
  parse: ([block, full]) => ({ block: readBlockNumberParam(block), full: readFull(full) }),
  handle: async ({ block: param, full }, { backend }) => {
    const block = await findBlock(param, backend.chain);
    if (block === undefined) return null;
    return isSealed(block) ? formatBlock(block, full) : formatOpenBlock(block, full);
  },
};

/** Transaction objects or, by default, hashes. */
function readFull(value: unknown): boolean {
  return isAbsent(value) ? false : readBoolean(value, 'hydrated');
}
