import type { Block } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import type { Hex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockNumberParam, readBlockNumberParam } from '../block-param.ts';
import { formatOmmer, type RpcBlock } from '../format-block.ts';
import { findSealedBlock } from '../read-blocks.ts';
import { readHash, readIndex } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { viewBlock } from '../view-block.ts';

// Blocks of Strobe have no ommers: every count is zero and every index is empty.

export const ethGetUncleCountByBlockHash: RpcMethod<{ hash: Hash }> = {
  name: 'eth_getUncleCountByBlockHash',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend }) => countOmmers(await backend.chain.blockByHash(hash)),
};

export const ethGetUncleCountByBlockNumber: RpcMethod<{ block: BlockNumberParam }> = {
  name: 'eth_getUncleCountByBlockNumber',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockNumberParam(block) }),
  handle: async ({ block }, { backend }) => countOmmers(await findSealedBlock(block, backend.chain)),
};

export const ethGetUncleByBlockHashAndIndex: RpcMethod<{ hash: Hash; index: number }> = {
  name: 'eth_getUncleByBlockHashAndIndex',
  maxParams: 2,
  parse: ([hash, index]) => ({ hash: readHash(hash, 'hash'), index: readIndex(index) }),
  handle: async ({ hash, index }, { backend }) => ommerAt(await backend.chain.blockByHash(hash), index),
};

export const ethGetUncleByBlockNumberAndIndex: RpcMethod<{ block: BlockNumberParam; index: number }> = {
  name: 'eth_getUncleByBlockNumberAndIndex',
  maxParams: 2,
  parse: ([block, index]) => ({ block: readBlockNumberParam(block), index: readIndex(index) }),
  handle: async ({ block, index }, { backend }) => ommerAt(await findSealedBlock(block, backend.chain), index),
};

function countOmmers(block: Block | undefined): Hex | null {
  return block === undefined ? null : quantity(viewBlock(block).ommers.length);
}

function ommerAt(block: Block | undefined, index: number): RpcBlock | null {
  const ommer = block === undefined ? undefined : viewBlock(block).ommers[index];
  return ommer === undefined ? null : formatOmmer(ommer);
}
