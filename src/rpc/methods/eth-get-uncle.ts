import type { Hash } from '../../protocol/primitives.ts';
import { type BlockNumberParam, readBlockNumberParam } from '../block-param.ts';
import { findSealedBlock, readAtBlock } from '../read-blocks.ts';
import { readHash, readSafeInteger } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

// There are no ommers: the count of every block is zero, and every index is empty.

export const ethGetUncleCountByBlockHash: RpcMethod<{ hash: Hash }> = {
  name: 'eth_getUncleCountByBlockHash',
  maxParams: 1,
  parse: ([hash]) => ({ hash: readHash(hash, 'hash') }),
  handle: async ({ hash }, { backend }) => ((await backend.chain.blockByHash(hash)) === undefined ? null : '0x0'),
};

export const ethGetUncleCountByBlockNumber: RpcMethod<{ block: BlockNumberParam }> = {
  name: 'eth_getUncleCountByBlockNumber',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockNumberParam(block) }),
  handle: async ({ block }, { backend }) => ((await findSealedBlock(block, backend.chain)) === undefined ? null : '0x0'),
};

export const ethGetUncleByBlockHashAndIndex: RpcMethod<{ hash: Hash; index: number }> = {
  name: 'eth_getUncleByBlockHashAndIndex',
  maxParams: 2,
  parse: ([hash, index]) => ({ hash: readHash(hash, 'hash'), index: readSafeInteger(index, 'index') }),
  handle: () => null,
};

export const ethGetUncleByBlockNumberAndIndex: RpcMethod<{ block: BlockNumberParam; index: number }> = {
  name: 'eth_getUncleByBlockNumberAndIndex',
  maxParams: 2,
  parse: ([block, index]) => ({ block: readBlockNumberParam(block), index: readSafeInteger(index, 'index') }),
  handle: ({ block }, { backend }) => readAtBlock(block, backend.chain, async () => null),
};
