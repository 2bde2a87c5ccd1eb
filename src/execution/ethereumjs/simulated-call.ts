import { Address as LibraryAddress } from '@ethereumjs/util';
import type { CallEnvironment } from '../../protocol/ports/execution.ts';
import type { SimulatedCall, SimulationCall, SimulationErrorCode } from '../../protocol/ports/simulation.ts';
import { type Address, EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import type { Log } from '../../protocol/receipt.ts';
import { createSimulatedTransaction, type SimulatedTransaction } from '../../protocol/simulated-transaction.ts';
import { fromHex, toHex } from '../../util/bytes.ts';
import { isStrobeError, StrobeError } from '../../util/errors.ts';
import { haltMessage, isRevert } from './geth-errors.ts';
import { withSuppliedGas } from './limited-run.ts';
import type { Machine } from './machine.ts';
import type { Message } from './message.ts';
import { type MessageResult, runMessage } from './message-call.ts';
import { toLogs } from './result-conversion.ts';
import { revertMessage } from './revert-reason.ts';

/** The nonce that cannot be followed by another (EIP-2681). */
const LAST_NONCE = 2n ** 64n - 1n;

/** What a simulation calls the refusals of {@link runMessage}. */
const REFUSALS: ReadonlyMap<string, SimulationErrorCode> = new Map<string, SimulationErrorCode>([
  ['FEE_TOO_LOW', 'SIMULATED_FEE_TOO_LOW'],
  ['INVALID_FEES', 'SIMULATED_CALL_INVALID'],
  ['INVALID_BLOBS', 'SIMULATED_CALL_INVALID'],
  ['INSUFFICIENT_FUNDS', 'SIMULATED_INSUFFICIENT_FUNDS'],
  ['INTRINSIC_GAS_TOO_LOW', 'SIMULATED_INTRINSIC_GAS_TOO_LOW'],
  ['INIT_CODE_TOO_LARGE', 'SIMULATED_INIT_CODE_TOO_LARGE'],
]);

/** A message at its place in a simulated block. */
export interface CallPlace {
  readonly env: CallEnvironment;
  readonly nonce: bigint;
  /** Checks nonce and fees. */
  readonly validation: boolean;
}

export interface TransactionOutcome {
  readonly call: Omit<SimulatedCall, 'logs'>;
  /** What its receipt has. */
  readonly logs: readonly Log[];
}

/** The transaction that a call stands for. */
export function toTransaction(call: SimulationCall, message: Message, chainId: number, nonce: bigint): SimulatedTransaction {
  return createSimulatedTransaction({ ...message, type: typeOf(call), sender: message.from, chainId: BigInt(chainId), nonce });
}

/** Type 2 unless a field says otherwise, as in geth. */
function typeOf({ hasGasPrice, accessList, authorizationList, blobVersionedHashes = [] }: SimulationCall): 0 | 1 | 2 | 3 | 4 {
  if (hasGasPrice) return accessList.length === 0 ? 0 : 1;
  if (authorizationList.length > 0) return 4;
  return blobVersionedHashes.length > 0 ? 3 : 2;
}

/**
 * Carries a message out as a transaction: it pays for its gas, and ends with what EIP-161 and EIP-6780 have the end do.
 * @throws StrobeError with a {@link SimulationErrorCode}, EXECUTION_TIMEOUT
 */
export async function runTransaction(machine: Machine, message: Message, place: CallPlace): Promise<TransactionOutcome> {
  const { env, validation } = place;
  try {
    if (validation) assertNonce(machine, message.from, place.nonce);
    const result = await runMessage(machine, env, message, !validation);
    await finishTransaction(machine, env, message, result);
    return toOutcome(result);
  } catch (error) {
    throw asSimulationError(withSuppliedGas(error, message.gasLimit));
  }
}

function assertNonce({ manager }: Machine, sender: Address, nonce: bigint): void {
  const expected = manager.world.getAccount(sender)?.nonce ?? 0n;
  const where = `address ${toHex(sender)}, tx: ${nonce} state: ${expected}`;
  if (nonce < expected) throw new StrobeError('SIMULATED_NONCE_TOO_LOW', `nonce too low: ${where}`);
  if (nonce > expected) throw new StrobeError('SIMULATED_NONCE_TOO_HIGH', `nonce too high: ${where}`);
  if (nonce === LAST_NONCE) throw new StrobeError('SIMULATED_CALL_INVALID', `nonce has max value: ${where}`);
}

/** Settles the price of the gas, and does what EIP-161 and EIP-6780 have the end of a transaction do. */
export async function finishTransaction(
  machine: Machine,
  env: CallEnvironment,
  message: Message,
  result: MessageResult,
): Promise<void> {
  const { gasUsed, gasPrice, execution } = result;
  credit(machine, message.from, (message.gasLimit - gasUsed) * gasPrice);
  // Nothing is left of the price where the sender paid none.
  if (gasPrice > env.baseFeePerGas) credit(machine, env.coinbase, gasUsed * (gasPrice - env.baseFeePerGas));
  const { journal } = machine.evm;
  for (const name of execution.selfdestruct?.keys() ?? []) {
    if (execution.createdAddresses?.has(name) !== true) continue;
    await journal.deleteAccount(new LibraryAddress(fromHex(name)));
  }
  await journal.cleanup();
}

export function credit({ manager: { world } }: Pick<Machine, 'manager'>, address: Address, wei: bigint): void {
  if (wei === 0n) return;
  const { nonce, balance, codeHash } = world.getAccount(address) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  world.setAccount(address, { nonce, balance: balance + wei, codeHash });
}

function toOutcome({ execution, gasUsed, gasBeforeRefund: maxGasUsed }: MessageResult): TransactionOutcome {
  const { exceptionError, returnValue: output } = execution;
  const gas = { gasUsed, maxGasUsed };
  if (exceptionError === undefined) {
    return { call: { kind: 'success', output, message: undefined, ...gas }, logs: toLogs(execution.logs) };
  }
  if (isRevert(execution)) return { call: { kind: 'reverted', output, message: revertMessage(output), ...gas }, logs: [] };
  return { call: { kind: 'failed', output: new Uint8Array(0), message: haltMessage(execution), ...gas }, logs: [] };
}

function asSimulationError(error: unknown): unknown {
  if (!isStrobeError(error)) return error;
  const code = REFUSALS.get(error.code);
  return code === undefined ? error : new StrobeError(code, error.message, error.meta, { cause: error });
}
