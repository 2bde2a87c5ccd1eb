import type { CallRequest } from '../../protocol/ports/execution.ts';
import type { StateReader } from '../../protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { TRANSACTION_GAS } from '../../protocol/transaction-gas.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { isStrobeError, StrobeError } from '../../util/errors.ts';
import { haltMessage, isOutOfGas, isRevert } from './geth-errors.ts';
import type { MessageResult } from './message-call.ts';
import { blobGasOf } from './message-checks.ts';
import { revertMessage } from './revert-reason.ts';

/** Geth's estimateGasErrorRatio: the search ends when the bounds are this close, as wallets add more than that anyway. */
const ERROR_RATIO = 0.015;
/** EIP-150: a call gets at most 63/64 of the gas, and 2,300 more with a value. */
const CALL_STIPEND = 2_300n;

/** Runs the request with a gas limit on a fresh view of the state. */
export type Attempt = (gasLimit: bigint) => Promise<MessageResult>;

/**
 * The least gas limit with which the request succeeds, after geth's eth/gasestimator.
 * @param state the state the attempts start from, overrides included
 * @param ceiling gas limit of the block, capped
 * @throws StrobeError EXECUTION_REVERTED, EXECUTION_FAILED, INSUFFICIENT_FUNDS, and what an attempt throws
 */
export async function searchGasLimit(
  request: CallRequest,
  state: StateReader,
  ceiling: bigint,
  attempt: Attempt,
): Promise<bigint> {
  const highest = capByBalance(request, state, ceiling);
  if (isPlainTransfer(request, state) && (await succeeds(attempt, TRANSACTION_GAS))) return TRANSACTION_GAS;
  const first = await tryOnce(attempt, highest);
  if (first === undefined || isOutOfGas(first.execution)) {
    throw new StrobeError('EXECUTION_FAILED', `gas required exceeds allowance (${highest})`);
  }
  assertSuccess(first);
  return bisect(first, highest, attempt);
}

async function bisect(first: MessageResult, highest: bigint, attempt: Attempt): Promise<bigint> {
  let low = first.gasUsed - 1n;
  let high = highest;
  const optimistic = ((first.gasBeforeRefund + CALL_STIPEND) * 64n) / 63n;
  if (optimistic < high) {
    if (await succeeds(attempt, optimistic)) high = optimistic;
    else low = optimistic;
  }
  while (low + 1n < high) {
    if (Number(high - low) / Number(high) < ERROR_RATIO) break;
    // Most requests need little more than they used, so the search leans to the low side.
    const middle = (high + low) / 2n;
    const next = middle > low * 2n ? low * 2n : middle;
    if (await succeeds(attempt, next)) high = next;
    else low = next;
  }
  return high;
}

async function succeeds(attempt: Attempt, gasLimit: bigint): Promise<boolean> {
  const result = await tryOnce(attempt, gasLimit);
  return result !== undefined && result.execution.exceptionError === undefined;
}

/** Undefined: not even the intrinsic gas is covered. */
async function tryOnce(attempt: Attempt, gasLimit: bigint): Promise<MessageResult | undefined> {
  try {
    return await attempt(gasLimit);
  } catch (error) {
    if (isStrobeError(error, 'INTRINSIC_GAS_TOO_LOW')) return undefined;
    throw error;
  }
}

function assertSuccess({ execution }: MessageResult): void {
  if (execution.exceptionError === undefined) return;
  if (!isRevert(execution)) throw new StrobeError('EXECUTION_FAILED', haltMessage(execution));
  const output = execution.returnValue;
  throw new StrobeError('EXECUTION_REVERTED', revertMessage(output), { output: toHex(output) });
}

/** With fees the balance bounds the gas. */
function capByBalance(request: CallRequest, state: StateReader, ceiling: bigint): bigint {
  const feeCap = request.maxFeePerGas ?? 0n;
  if (feeCap === 0n) return ceiling;
  const balance = state.getAccount(request.from)?.balance ?? 0n;
  if (request.value > 0n && request.value >= balance) {
    throw new StrobeError('INSUFFICIENT_FUNDS', 'insufficient funds for transfer');
  }
  const blobs = blobGasOf({ blobVersionedHashes: request.blobVersionedHashes ?? [] }) * (request.maxFeePerBlobGas ?? 0n);
  if (blobs > 0n && request.value + blobs >= balance) {
    throw new StrobeError('INSUFFICIENT_FUNDS', 'insufficient funds for gas * price + value');
  }
  const allowance = (balance - request.value - blobs) / feeCap;
  return allowance < ceiling ? allowance : ceiling;
}

function isPlainTransfer({ to, data }: CallRequest, state: StateReader): boolean {
  if (to === undefined || data.length > 0) return false;
  const codeHash = state.getAccount(to)?.codeHash;
  return codeHash === undefined || bytesEqual(codeHash, EMPTY_CODE_HASH);
}
