import { encodeHeaderView } from '../../protocol/header-view.ts';
import type { Block, ChainReader } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { toHex } from '../../util/bytes.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { encodeBlock, encodeIndexedReceipt } from '../encode-block.ts';
import { findSealedBlock } from '../read-blocks.ts';
import { readHash } from '../read-params.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { viewBlock } from '../view-block.ts';

export const debugGetRawHeader: RpcMethod<BlockParam> = {
  name: 'debug_getRawHeader',
  maxParams: 1,
  parse: ([block]) => readBlockParam(block),
  handle: async (param, { backend }) => toHex(encodeHeaderView(viewBlock(await sealedBlock(param, backend.chain)).header)),
};

export const debugGetRawBlock: RpcMethod<BlockParam> = {
  name: 'debug_getRawBlock',
  maxParams: 1,
  parse: ([block]) => readBlockParam(block),
  handle: async (param, { backend }) => toHex(encodeBlock(await sealedBlock(param, backend.chain))),
};

export const debugGetRawReceipts: RpcMethod<BlockParam> = {
  name: 'debug_getRawReceipts',
  maxParams: 1,
  parse: ([block]) => readBlockParam(block),
  handle: async (param, { backend }) => {
    const { transactions } = await sealedBlock(param, backend.chain);
    return transactions.map((indexed) => toHex(encodeIndexedReceipt(indexed)));
  },
};

/** The bytes that were signed, of the chain or of the pool; empty for an unknown hash, as geth answers. */
export const debugGetRawTransaction: RpcMethod<{ hash: Hash }> = {
  name: 'debug_getRawTransaction',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend: { chain, transactions } }) => {
    const found = (await chain.transactionByHash(hash)) ?? (await transactions.pooledTransaction(hash));
    return found === undefined ? '0x' : toHex(found.transaction.raw);
  },
};

async function sealedBlock(param: BlockParam, chain: ChainReader): Promise<Block> {
  const block = await findSealedBlock(param, chain);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'block not found');
  return block;
}
