import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { SimulationBase } from '../protocol/ports/simulation.ts';
import { EMPTY_STATE_DIFF } from '../protocol/state-diff.ts';
import { bytesEqual } from '../util/bytes.ts';
import type { BlockParam } from './block-param.ts';
import { rpcError } from './rpc-error.ts';
import { keptState, sealedByHash, sealedByNumber } from './state-at-block.ts';

/**
 * Transactions of the open block up to which its changes are collected for a state root: some milliseconds of work. A full
 * block's would be half a second for one request.
 */
const MAX_OPEN_TRANSACTIONS = 1_000;

/**
 * What a simulation at this block builds on. At `latest` and `pending` that is the newest sealed block with the mini-blocks
 * above it in its state: the first simulated block stands where the open one does.
 * @throws StrobeError UNKNOWN_BLOCK, BLOCK_NOT_FOUND, HISTORICAL_STATE_UNAVAILABLE
 */
export async function simulationBaseAt(param: BlockParam, backend: RpcBackend): Promise<SimulationBase> {
  const { chain } = backend;
  const place = param.kind === 'hash' ? await sealedByHash(param.hash, chain) : sealedByNumber(param, chain);
  if (place === undefined) return newestBase(backend);
  // Asked before the block is read from disk, for the sake of those that can have no answer.
  keptState(place.number, backend);
  const block = await chain.blockByNumber(place.number);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'header not found');
  const { header, hash } = block;
  return { header, hash, state: keptState(place.number, backend), changes: EMPTY_STATE_DIFF, nextTimestamp: undefined };
}

async function newestBase({ chain, simulator }: RpcBackend): Promise<SimulationBase> {
  const before = await chain.blockByNumber(chain.head().header.number);
  // Head, open block and state belong together: they are taken in one turn.
  const { header, hash } = chain.head();
  const open = chain.openBlock();
  const isSmall = (open?.transactions.length ?? 0) <= MAX_OPEN_TRANSACTIONS;
  const isStillHead = before !== undefined && bytesEqual(before.hash, hash);
  const newest = await simulator.newestState(isSmall && isStillHead ? before.lastMiniBlock : undefined);
  return { header, hash, ...newest, nextTimestamp: open?.env.timestamp };
}
