import type { Block, OpenBlock } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { type BlockNumberParam, readBlockNumberParam } from '../block-param.ts';
import { formatPooledTransaction, formatTransaction, type RpcTransaction } from '../format-transaction.ts';
import { findBlock } from '../read-blocks.ts';
import { readHash, readIndex } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** A transaction of the chain or of the pool. */
export const ethGetTransactionByHash: RpcMethod<{ hash: Hash }> = {
  name: 'eth_getTransactionByHash',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend: { chain, transactions } }) => {
    const indexed = await chain.transactionByHash(hash);
    if (indexed !== undefined) return formatTransaction(indexed);
    const pooled = await transactions.pooledTransaction(hash);
    if (pooled !== undefined) return formatPooledTransaction(pooled.transaction, pooled.sender);
    // It may have left the pool for a mini-block between the two questions.
    const moved = await chain.transactionByHash(hash);
    return moved === undefined ? null : formatTransaction(moved);
  },
};

export const ethGetTransactionByBlockHashAndIndex: RpcMethod<{ hash: Hash; index: number }> = {
  name: 'eth_getTransactionByBlockHashAndIndex',
  maxParams: 2,
  parse: ([hash, index]) => ({ hash: readHash(hash, 'hash'), index: readIndex(index) }),
  handle: async ({ hash, index }, { backend }) => transactionAt(await backend.chain.blockByHash(hash), index),
};

export const ethGetTransactionByBlockNumberAndIndex: RpcMethod<{ block: BlockNumberParam; index: number }> = {
  name: 'eth_getTransactionByBlockNumberAndIndex',
  maxParams: 2,
  parse: ([block, index]) => ({ block: readBlockNumberParam(block), index: readIndex(index) }),
  handle: async ({ block, index }, { backend }) => transactionAt(await findBlock(block, backend.chain), index),
};

function transactionAt(block: Block | OpenBlock | undefined, index: number): RpcTransaction | null {
  const indexed = block?.transactions[index];
  return indexed === undefined ? null : formatTransaction(indexed);
}
