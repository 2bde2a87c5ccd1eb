import type { Hash } from '../../protocol/primitives.ts';
import { formatReceipt } from '../format-receipt.ts';
import { readHash } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** The receipt as soon as the mini-block is durable; null while the transaction is in no mini-block. */
export const ethGetTransactionReceipt: RpcMethod<{ hash: Hash }> = {
  name: 'eth_getTransactionReceipt',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend }) => {
    const indexed = await backend.chain.transactionByHash(hash);
    return indexed === undefined ? null : formatReceipt(indexed);
  },
};
