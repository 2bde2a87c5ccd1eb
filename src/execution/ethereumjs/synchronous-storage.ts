import type { Hash } from '../../protocol/primitives.ts';
import { bigIntToBytes32, bytesEqual, bytesToBigInt, isZeroBytes } from '../../util/bytes.ts';
import { type GasHandler, halt, type OperationHandler, type RunState } from './interpreter-types.ts';
import type { WorldStateManager } from './world-state-manager.ts';

/** EIP-2929 */
const COLD_SLOAD_GAS = 2_100n;
const WARM_READ_GAS = 100n;
/** EIP-2200 as changed by EIP-2929 and EIP-3529 */
const SSTORE_SENTRY_GAS = 2_300n;
const SSTORE_SET_GAS = 20_000n;
const SSTORE_RESET_GAS = 5_000n - COLD_SLOAD_GAS;
const CLEAR_REFUND = 4_800n;

/** SLOAD and SSTORE without promises: an ERC-20 transfer has seven of them (20 % of its time). */
export interface StorageOperations {
  readonly loadGas: GasHandler;
  readonly load: OperationHandler;
  readonly storeGas: GasHandler;
  readonly store: OperationHandler;
}

export function createStorageOperations(manager: WorldStateManager): StorageOperations {
  return {
    loadGas: (runState, fee) => {
      const key = bigIntToBytes32(runState.stack.peek(1)[0] as bigint);
      return fee + (warm(runState, key) ? COLD_SLOAD_GAS : WARM_READ_GAS);
    },
    load: (runState) => {
      const key = bigIntToBytes32(runState.stack.pop());
      runState.stack.push(bytesToBigInt(manager.world.getStorage(runState.env.address.bytes, key)));
    },
    storeGas: (runState, fee) => fee + storeGas(runState, manager),
    store: (runState) => {
      const [key, value] = runState.stack.popN(2) as [bigint, bigint];
      manager.world.setStorage(runState.env.address.bytes, bigIntToBytes32(key), bigIntToBytes32(value));
    },
  };
}

/** Warms the slot; true when it was cold. */
function warm(runState: RunState, key: Hash): boolean {
  const { journal } = runState.interpreter;
  const address = runState.env.address.bytes;
  if (journal.isWarmedStorage(address, key)) return false;
  journal.addWarmedStorage(address, key);
  return true;
}

function storeGas(runState: RunState, { world }: WorldStateManager): bigint {
  if (runState.env.isStatic) halt('STATIC_STATE_CHANGE');
  const [keyWord, valueWord] = runState.stack.peek(2) as [bigint, bigint];
  if (runState.gasLeft <= SSTORE_SENTRY_GAS) halt('OUT_OF_GAS');
  const address = runState.env.address.bytes;
  const key = bigIntToBytes32(keyWord);
  const value = bigIntToBytes32(valueWord);
  const current = world.getStorage(address, key);
  const original = world.getOriginalStorage(address, key);
  const access = warm(runState, key) ? COLD_SLOAD_GAS : 0n;
  return access + writeGas(runState, original, current, value);
}

/** Price of the write itself, and its refunds (EIP-2200 table). */
function writeGas(runState: RunState, original: Hash, current: Hash, value: Hash): bigint {
  if (bytesEqual(current, value)) return WARM_READ_GAS;
  const { interpreter } = runState;
  const wasZero = isZeroBytes(original);
  if (bytesEqual(original, current)) {
    if (wasZero) return SSTORE_SET_GAS;
    if (isZeroBytes(value)) interpreter.refundGas(CLEAR_REFUND);
    return SSTORE_RESET_GAS;
  }
  if (!wasZero) {
    if (isZeroBytes(current)) interpreter.subRefund(CLEAR_REFUND);
    else if (isZeroBytes(value)) interpreter.refundGas(CLEAR_REFUND);
  }
  if (bytesEqual(original, value)) {
    interpreter.refundGas((wasZero ? SSTORE_SET_GAS : SSTORE_RESET_GAS) - WARM_READ_GAS);
  }
  return WARM_READ_GAS;
}
