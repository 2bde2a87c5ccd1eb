import type { Hash } from '../../protocol/primitives.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockNumberParam, readBlockNumberParam } from '../block-param.ts';
import { findBlock } from '../read-blocks.ts';
import { readHash } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

export const ethGetBlockTransactionCountByHash: RpcMethod<{ hash: Hash }> = {
  name: 'eth_getBlockTransactionCountByHash',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend }) => {
    const block = await backend.chain.blockByHash(hash);
    return block === undefined ? null : quantity(block.transactions.length);
  },
};

export const ethGetBlockTransactionCountByNumber: RpcMethod<{ block: BlockNumberParam }> = {
  name: 'eth_getBlockTransactionCountByNumber',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockNumberParam(block) }),
  handle: async ({ block: param }, { backend }) => {
    const block = await findBlock(param, backend.chain);
    return block === undefined ? null : quantity(block.transactions.length);
  },
};
