import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { WorldState } from '../../protocol/ports/state.ts';
import {
  type Address,
  BEACON_ROOTS_CONTRACT,
  EMPTY_CODE_HASH,
  type Hash,
  HISTORY_CONTRACT,
  ZERO_HASH,
} from '../../protocol/primitives.ts';
import { bigIntToBytes32, bytesEqual } from '../../util/bytes.ts';

/** Ring sizes of the two contracts (EIP-2935 HISTORY_SERVE_WINDOW, EIP-4788 HISTORY_BUFFER_LENGTH). */
export const HISTORY_SERVE_WINDOW = 8191;
const BEACON_ROOTS_LENGTH = 8191;

/**
 * What the system calls at the start of a block write: the parent's hash (EIP-2935), and the timestamp with a zero
 * beacon root (EIP-4788, PROTOCOL section 1). The contracts' code does exactly this for the system address, so it is
 * written without running it; where a contract is missing nothing is, as the specifications say.
 * @param beaconRoot only simulated blocks have one
 */
export function writeSystemCalls(state: WorldState, env: BlockEnvironment, beaconRoot: Hash = ZERO_HASH): void {
  if (hasCode(state, BEACON_ROOTS_CONTRACT)) {
    const index = env.timestamp % BEACON_ROOTS_LENGTH;
    state.setStorage(BEACON_ROOTS_CONTRACT, slot(index), slot(env.timestamp));
    state.setStorage(BEACON_ROOTS_CONTRACT, slot(index + BEACON_ROOTS_LENGTH), beaconRoot);
  }
  if (hasCode(state, HISTORY_CONTRACT)) {
    state.setStorage(HISTORY_CONTRACT, slot((env.number - 1) % HISTORY_SERVE_WINDOW), env.parentHash);
  }
}

function hasCode(state: WorldState, address: Address): boolean {
  const account = state.getAccount(address);
  return account !== undefined && !bytesEqual(account.codeHash, EMPTY_CODE_HASH);
}

function slot(value: number): Uint8Array {
  return bigIntToBytes32(BigInt(value));
}
