import { type BlockParam, readBlockParam } from '../block-param.ts';
import { formatReceipt } from '../format-receipt.ts';
import { findBlock } from '../read-blocks.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** Null above the head. */
export const ethGetBlockReceipts: RpcMethod<{ block: BlockParam }> = {
  name: 'eth_getBlockReceipts',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockParam(block) }),
  handle: async ({ block: param }, { backend }) => {
    const block = await findBlock(param, backend.chain);
    return block === undefined ? null : block.transactions.map(formatReceipt);
  },
};
