import type { ExecResult } from '@ethereumjs/evm';
import { Address as LibraryAddress } from '@ethereumjs/util';
import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { PoolErrorCode } from '../../protocol/pool-errors.ts';
import type { CallRequest } from '../../protocol/ports/execution.ts';
import { EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { effectiveGasPrice } from '../../protocol/transaction.ts';
import { MAX_INIT_CODE_BYTES, type TransactionGas, transactionGas } from '../../protocol/transaction-gas.ts';
import { toHex, toKey } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { applyAuthorizations } from './authorizations.ts';
import { createBlockContext } from './block-context.ts';
import type { Machine } from './machine.ts';
import { insufficientFunds } from './preflight.ts';

/** Gas used over this is refunded at most (EIP-3529). */
const MAX_REFUND_QUOTIENT = 5n;

/** A message with everything decided that a request may leave open. */
export interface Message extends Omit<CallRequest, 'gas' | 'maxFeePerGas' | 'maxPriorityFeePerGas'> {
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface MessageResult {
  readonly execution: ExecResult;
  /** What a transaction would pay for. */
  readonly gasUsed: bigint;
  /** Gas needed before refunds were given. */
  readonly gasBeforeRefund: bigint;
}

/** Without fees the base fee is taken as zero, and nobody needs a balance for gas (geth). */
export function toMessage(request: CallRequest, gasLimit: bigint): Message {
  return {
    ...request,
    gasLimit,
    maxFeePerGas: request.maxFeePerGas ?? 0n,
    maxPriorityFeePerGas: request.maxPriorityFeePerGas ?? 0n,
  };
}

/**
 * Runs a message on the machine's world state as geth's state transition does for calls: nonce and code of the sender
 * are not checked, everything else is. The writes stay in the world state.
 * @throws StrobeError FEE_TOO_LOW, INSUFFICIENT_FUNDS, INTRINSIC_GAS_TOO_LOW, INIT_CODE_TOO_LARGE, EXECUTION_TIMEOUT
 */
export async function runMessage(machine: Machine, env: BlockEnvironment, message: Message): Promise<MessageResult> {
  const { evm, manager } = machine;
  const free = message.maxFeePerGas === 0n && message.maxPriorityFeePerGas === 0n;
  const baseFeePerGas = free ? 0n : env.baseFeePerGas;
  const gas = transactionGas(message);
  assertFees(message, baseFeePerGas);
  assertFunds(machine, message);
  assertGas(message, gas);

  manager.world.beginTransaction();
  const gasPrice = effectiveGasPrice(message, baseFeePerGas);
  chargeSender(machine, message, gasPrice);
  warmAddresses(machine, env, message);
  const refund = applyAuthorizations(machine, message.authorizationList);
  const { execResult } = await evm.runCall({
    block: createBlockContext({ ...env, baseFeePerGas }),
    gasPrice,
    caller: new LibraryAddress(message.from),
    gasLimit: message.gasLimit - gas.intrinsic,
    ...(message.to !== undefined && { to: new LibraryAddress(message.to) }),
    value: message.value,
    data: message.data,
    skipNonceIncrement: true,
  });
  return settle(execResult, gas, refund);
}

/** @param authorizationRefund stays when the execution fails, unlike its own refund */
function settle(execution: ExecResult, { intrinsic, floor }: TransactionGas, authorizationRefund: bigint): MessageResult {
  const spent = intrinsic + execution.executionGasUsed;
  const maxRefund = spent / MAX_REFUND_QUOTIENT;
  const refund = authorizationRefund + (execution.gasRefund ?? 0n);
  return {
    execution,
    gasUsed: larger(spent - (refund < maxRefund ? refund : maxRefund), floor),
    gasBeforeRefund: larger(spent, floor),
  };
}

function assertFees(message: Message, baseFee: bigint): void {
  const { maxFeePerGas, maxPriorityFeePerGas } = message;
  const from = `address ${toHex(message.from)}`;
  if (maxPriorityFeePerGas > maxFeePerGas) {
    throw refusal(
      'FEE_TOO_LOW',
      `max priority fee per gas higher than max fee per gas: ${from}, maxPriorityFeePerGas: ${maxPriorityFeePerGas}, maxFeePerGas: ${maxFeePerGas}`,
    );
  }
  if (maxFeePerGas < baseFee) {
    throw refusal(
      'FEE_TOO_LOW',
      `max fee per gas less than block base fee: ${from}, maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFee}`,
    );
  }
}

function assertFunds({ manager }: Machine, { from, gasLimit, maxFeePerGas, value }: Message): void {
  const have = manager.world.getAccount(from)?.balance ?? 0n;
  const want = gasLimit * maxFeePerGas + value;
  if (have < want) throw refusal('INSUFFICIENT_FUNDS', insufficientFunds(from, have, want));
}

function assertGas({ gasLimit, to, data }: Message, { intrinsic, floor }: TransactionGas): void {
  if (gasLimit < intrinsic) {
    throw refusal('INTRINSIC_GAS_TOO_LOW', `intrinsic gas too low: have ${gasLimit}, want ${intrinsic}`);
  }
  if (gasLimit < floor) {
    throw refusal('INTRINSIC_GAS_TOO_LOW', `insufficient gas for floor data gas cost: have ${gasLimit}, want ${floor}`);
  }
  if (to === undefined && data.length > MAX_INIT_CODE_BYTES) {
    throw refusal('INIT_CODE_TOO_LARGE', `max initcode size exceeded: code size ${data.length} limit ${MAX_INIT_CODE_BYTES}`);
  }
}

/** Takes the nonce, which an authorization by the sender itself counts on (EIP-7702), and the price of the gas. */
function chargeSender({ manager: { world } }: Machine, { from, gasLimit }: Message, gasPrice: bigint): void {
  const { nonce, balance, codeHash } = world.getAccount(from) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  world.setAccount(from, { nonce: nonce + 1n, balance: balance - gasLimit * gasPrice, codeHash });
}

/** EIP-2929, 2930 and 3651. */
function warmAddresses({ evm }: Machine, env: BlockEnvironment, { from, to, accessList }: Message): void {
  const { journal } = evm;
  journal.cleanJournal();
  for (const precompile of evm.precompiles.keys()) journal.addAlwaysWarmAddress(precompile);
  for (const address of [from, to, env.coinbase]) {
    if (address !== undefined) journal.addAlwaysWarmAddress(toKey(address));
  }
  for (const { address, storageKeys } of accessList) {
    journal.addAlwaysWarmAddress(toKey(address));
    for (const key of storageKeys) journal.addAlwaysWarmSlot(toKey(address), toKey(key));
  }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function refusal(code: PoolErrorCode, message: string): StrobeError<PoolErrorCode> {
  return new StrobeError(code, message);
}
