import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockHeader } from '../protocol/block-header.ts';
import type { ChainReader, RpcBackend } from '../protocol/ports/chain.ts';
import type { CallPosition } from '../protocol/ports/execution.ts';
import type { StateReader, StateView } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import { bytesEqual } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { type BlockNumberParam, type BlockParam, blockNumberOf } from './block-param.ts';
import { rpcError } from './rpc-error.ts';

/** A rollback is rare and two in one read hardly happen; the third time something else is wrong. */
const MAX_ATTEMPTS = 3;

/** A sealed block; its header when it was at hand. */
interface SealedBlock {
  readonly number: number;
  readonly header: BlockHeader | undefined;
}

/**
 * Reads the state that a block parameter stands for: after the newest mini-block for `latest`, `pending` and the open
 * block's number, else at the end of the sealed block. `read` sees one mini-block's state.
 * @throws StrobeError UNKNOWN_BLOCK, BLOCK_NOT_FOUND, HISTORICAL_STATE_UNAVAILABLE
 */
export function readState<T>(
  param: BlockParam,
  backend: Pick<RpcBackend, 'state' | 'stateAt' | 'stateHistory' | 'chain'>,
  read: (state: StateReader) => T,
): Promise<T> {
  return whileKept(async () => {
    const { chain } = backend;
    const block = param.kind === 'hash' ? await sealedByHash(param.hash, chain) : sealedByNumber(param, chain);
    return read(block === undefined ? backend.state : keptState(block.number, backend));
  });
}

/**
 * As {@link readState}, with the environment that a call at this block runs in: the open block's if the newest state is
 * meant, else that of the block itself.
 */
export function runCallAt<T>(
  param: BlockParam,
  backend: Pick<RpcBackend, 'state' | 'stateAt' | 'stateHistory' | 'chain'>,
  call: (position: CallPosition) => Promise<T>,
): Promise<T> {
  return whileKept(() => runOnce(param, backend, call));
}

async function runOnce<T>(
  param: BlockParam,
  backend: Pick<RpcBackend, 'state' | 'stateAt' | 'stateHistory' | 'chain'>,
  call: (position: CallPosition) => Promise<T>,
): Promise<T> {
  const { chain } = backend;
  const block = param.kind === 'hash' ? await sealedByHash(param.hash, chain) : sealedByNumber(param, chain);
  if (block === undefined) return call({ state: backend.state, env: chain.latestEnvironment() });
  // Asked before the header is read from disk, for the sake of calls that can have no answer.
  keptState(block.number, backend);
  // A header has every field of the environment.
  const env = block.header ?? (await headerOf(block.number, chain));
  return call({ state: keptState(block.number, backend), env });
}

/**
 * The header of the sealed block that a parameter stands for; the newest sealed one for `latest` and `pending`.
 * @throws StrobeError UNKNOWN_BLOCK, BLOCK_NOT_FOUND
 */
export async function sealedHeaderAt(param: BlockParam, chain: ChainReader): Promise<BlockHeader> {
  const block = param.kind === 'hash' ? await sealedByHash(param.hash, chain) : sealedByNumber(param, chain);
  if (block === undefined) return chain.head().header;
  return block.header ?? headerOf(block.number, chain);
}

/** Undefined: the newest state is meant. */
export function sealedByNumber(param: BlockNumberParam, chain: ChainReader): SealedBlock | undefined {
  if (param.kind === 'tag' && (param.tag === 'latest' || param.tag === 'pending')) return undefined;
  const number = blockNumberOf(param, chain, 0);
  const { header } = chain.head();
  if (number <= header.number) return { number, header: number === header.number ? header : undefined };
  if (number === chain.latestEnvironment().number) return undefined;
  throw rpcError('BLOCK_NOT_FOUND', 'header not found');
}

export async function sealedByHash(hash: Hash, chain: ChainReader): Promise<SealedBlock> {
  const head = chain.head();
  const header = bytesEqual(hash, head.hash) ? head.header : (await chain.blockByHash(hash))?.header;
  if (header === undefined) throw rpcError('BLOCK_NOT_FOUND', 'header for hash not found');
  return { number: header.number, header };
}

async function headerOf(number: number, chain: ChainReader): Promise<BlockHeader> {
  // Block 0 has no seal, and the newest ones may not be stored yet.
  const header = (await chain.sealOf(number))?.header ?? (await chain.blockByNumber(number))?.header;
  if (header === undefined) throw rpcError('BLOCK_NOT_FOUND', 'header not found');
  return header;
}

/**
 * Looks again when the state was undone, or its old values given up, while it was read: there is a newer one then, or it
 * is clear that there is none.
 */
async function whileKept<T>(look: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await look();
    } catch (error) {
      if (!isStrobeError(error, 'STATE_FORGOTTEN')) throw error;
      if (attempt === MAX_ATTEMPTS)
        throw rpcError('HISTORICAL_STATE_UNAVAILABLE', 'the state changed too often while it was read');
      // What undid it is told in a turn of its own.
      await nextTurn();
    }
  }
}

export function keptState(number: number, backend: Pick<RpcBackend, 'stateAt' | 'stateHistory'>): StateView {
  const state = backend.stateAt(number);
  if (state !== undefined) return state;
  throw rpcError(
    'HISTORICAL_STATE_UNAVAILABLE',
    `historical state is not available: block ${number} is not among those whose state is kept, ` +
      `the oldest of which is block ${backend.stateHistory.oldestState()}`,
  );
}
