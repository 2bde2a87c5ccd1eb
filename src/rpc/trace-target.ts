import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { Block, ChainReader, IndexedTransaction, OpenBlock, RpcBackend } from '../protocol/ports/chain.ts';
import type { TracedBlock } from '../protocol/ports/tracing.ts';
import type { Hash } from '../protocol/primitives.ts';
import { toHex } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { type BlockParam, isSealed } from './block-param.ts';
import { findBlock } from './read-blocks.ts';
import { rpcError } from './rpc-error.ts';

type TraceBackend = Pick<RpcBackend, 'chain' | 'stateAt'>;

/** A block to be executed again, with its transactions as they are named. */
export interface TraceTarget extends TracedBlock {
  readonly transactions: readonly IndexedTransaction[];
}

/**
 * The block that a parameter stands for, the open one too, on the state of its parent.
 * @throws StrobeError BLOCK_NOT_FOUND, UNKNOWN_BLOCK, HISTORY_PRUNED, HISTORICAL_STATE_UNAVAILABLE
 */
export async function traceTargetAt(param: BlockParam, backend: TraceBackend): Promise<TraceTarget> {
  const { chain } = backend;
  const open = chain.openBlock();
  const isOpen = param.kind === 'number' && param.number === open?.env.number;
  const block = isOpen ? open : await findBlock(param, chain);
  if (block === undefined) throw notFound(param, chain);
  return toTarget(block, backend);
}

/**
 * The block of a transaction, up to it, and its place there.
 * @throws StrobeError BLOCK_NOT_FOUND, HISTORICAL_STATE_UNAVAILABLE
 */
export async function traceTargetOf(hash: Hash, backend: TraceBackend): Promise<{ target: TraceTarget; index: number }> {
  const { chain } = backend;
  const found = await chain.transactionByHash(hash);
  if (found === undefined) throw rpcError('BLOCK_NOT_FOUND', 'transaction not found');
  const { blockNumber, transactionIndex } = found;
  const open = chain.openBlock();
  const block = open?.env.number === blockNumber ? open : await chain.blockByNumber(blockNumber);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', `block #${blockNumber} not found`);
  return { target: toTarget(block, backend), index: transactionIndex };
}

/** Runs a trace; a state that is forgotten meanwhile is one that is not kept. */
export async function traced<T>(env: BlockEnvironment, trace: () => Promise<T>): Promise<T> {
  try {
    return await trace();
  } catch (error) {
    if (isStrobeError(error, 'STATE_FORGOTTEN')) throw stateUnavailable(env.number - 1);
    throw error;
  }
}

function toTarget(block: Block | OpenBlock, { stateAt }: TraceBackend): TraceTarget {
  const env = isSealed(block) ? block.header : block.env;
  if (env.number === 0) throw rpcError('BLOCK_NOT_FOUND', 'genesis is not traceable');
  const parentState = stateAt(env.number - 1);
  if (parentState === undefined) throw stateUnavailable(env.number - 1);
  return { parentState, env, transactions: block.transactions };
}

function notFound(param: BlockParam, chain: ChainReader) {
  switch (param.kind) {
    case 'hash':
      return rpcError('BLOCK_NOT_FOUND', `block ${toHex(param.hash)} not found`);
    case 'number':
      return rpcError('BLOCK_NOT_FOUND', `block #${param.number} not found`);
    case 'tag':
      return rpcError('BLOCK_NOT_FOUND', `block #${chain.head().header.number} not found`);
  }
}

function stateUnavailable(blockNumber: number) {
  return rpcError(
    'HISTORICAL_STATE_UNAVAILABLE',
    `required historical state unavailable: the state of block ${blockNumber} is not kept`,
  );
}
