import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { StateReader } from '../../protocol/ports/state.ts';
import { type Hash, HISTORY_CONTRACT } from '../../protocol/primitives.ts';
import { bigIntToBytes32, bytesEqual, isZeroBytes } from '../../util/bytes.ts';
import { HISTORY_SERVE_WINDOW } from './system-calls.ts';

/**
 * Hash of a block that the state itself has (EIP-2935): for calls on old blocks, whose ancestors' headers are not in
 * memory any more. Undefined when the state is not that of the block of `env`, as when a call assumes another number.
 */
export function storedBlockHash(
  state: StateReader,
  env: Pick<BlockEnvironment, 'number' | 'parentHash'>,
  blockNumber: number,
): Hash | undefined {
  const isAncestor = blockNumber >= 0 && blockNumber < env.number && blockNumber >= env.number - HISTORY_SERVE_WINDOW;
  if (!isAncestor || !bytesEqual(hashAt(state, env.number - 1), env.parentHash)) return undefined;
  const hash = hashAt(state, blockNumber);
  return isZeroBytes(hash) ? undefined : hash;
}

function hashAt(state: StateReader, blockNumber: number): Hash {
  return state.getStorage(HISTORY_CONTRACT, bigIntToBytes32(BigInt(blockNumber % HISTORY_SERVE_WINDOW)));
}
