import type { Hash } from '../../protocol/primitives.ts';
import { toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { readHash } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

/**
 * Merkle proofs of a receipt, of the transaction it is of, and of the receipt before it, against the roots in the block's
 * header; null while the block is not sealed. Nodes are as in eth_getProof, keys are RLP(index).
 */
export const strobeGetReceiptProof: RpcMethod<{ hash: Hash }> = {
  name: 'strobe_getReceiptProof',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend: { chain, receiptProofs } }) => {
    const indexed = await chain.transactionByHash(hash);
    if (indexed?.blockHash === undefined) return null;
    const block = await chain.blockByHash(indexed.blockHash);
    // The block was undone, or pruned, meanwhile.
    if (block === undefined) return null;
    const proof = await receiptProofs.prove(block, indexed.transactionIndex);
    return {
      blockNumber: quantity(block.header.number),
      blockHash: toHex(block.hash),
      transactionIndex: quantity(indexed.transactionIndex),
      transactionProof: proof.transactionProof.map(toHex),
      receiptProof: proof.receiptProof.map(toHex),
      previousReceiptProof: proof.previousReceiptProof.map(toHex),
    };
  },
};
