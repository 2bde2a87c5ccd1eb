import type { ExecResult } from '@ethereumjs/evm';
import { Address as LibraryAddress } from '@ethereumjs/util';
import type { CallEnvironment } from '../../protocol/ports/execution.ts';
import { EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { type TransactionGas, transactionGas } from '../../protocol/transaction-gas.ts';
import { toHex, toKey } from '../../util/bytes.ts';
import { applyAuthorizations } from './authorizations.ts';
import { blobBaseFeeOf, createBlockContext } from './block-context.ts';
import type { Machine } from './machine.ts';
import type { Message } from './message.ts';
import { assertChain, assertFunds, assertGas, blobGasOf, type MessagePrices, priceMessage } from './message-checks.ts';

/** Gas used over this is refunded at most (EIP-3529). */
const MAX_REFUND_QUOTIENT = 5n;

export interface MessageResult {
  readonly execution: ExecResult;
  /** What a transaction would pay for. */
  readonly gasUsed: bigint;
  /** Gas needed before refunds were given. */
  readonly gasBeforeRefund: bigint;
  /** Wei that the sender was charged for each unit of the gas limit. */
  readonly gasPrice: bigint;
}

/**
 * Runs a message on the machine's world state as geth's state transition does for calls: nonce and code of the sender
 * are not checked, everything else is. The writes stay in the world state, with the whole gas limit paid for.
 * @param waivesFees who offers no fee is not asked for one
 * @throws StrobeError INVALID_CHAIN_ID, FEE_TOO_LOW, INVALID_FEES, INVALID_BLOBS, INSUFFICIENT_FUNDS, INTRINSIC_GAS_TOO_LOW,
 * INIT_CODE_TOO_LARGE, EXECUTION_TIMEOUT
 */
export async function runMessage(
  machine: Machine,
  env: CallEnvironment,
  message: Message,
  waivesFees = true,
): Promise<MessageResult> {
  const { evm, manager } = machine;
  assertChain(message, machine.common.chainId());
  const gas = transactionGas(message);
  const { baseFeePerGas } = env;
  const prices = priceMessage(message, { baseFeePerGas, blobBaseFee: blobBaseFeeOf(env), waivesFees });
  assertFunds(manager.world, message);
  assertGas(message, gas);

  manager.world.beginTransaction();
  chargeSender(machine, message, prices);
  warmAddresses(machine, env, message);
  const refund = applyAuthorizations(machine, message.authorizationList);
  const { execResult } = await evm.runCall({
    block: createBlockContext(env),
    gasPrice: prices.gas,
    caller: new LibraryAddress(message.from),
    gasLimit: message.gasLimit - gas.intrinsic,
    ...(message.to !== undefined && { to: new LibraryAddress(message.to) }),
    value: message.value,
    data: message.data,
    skipNonceIncrement: true,
    blobVersionedHashes: message.blobVersionedHashes.map(toHex),
  });
  return { ...settle(execResult, gas, refund), gasPrice: prices.gas };
}

/** @param authorizationRefund stays when the execution fails, unlike its own refund */
function settle(execution: ExecResult, { intrinsic, floor }: TransactionGas, authorizationRefund: bigint) {
  const spent = intrinsic + execution.executionGasUsed;
  const maxRefund = spent / MAX_REFUND_QUOTIENT;
  const refund = authorizationRefund + (execution.gasRefund ?? 0n);
  return {
    execution,
    gasUsed: larger(spent - (refund < maxRefund ? refund : maxRefund), floor),
    gasBeforeRefund: larger(spent, floor),
  };
}

/** Takes the nonce, which an authorization by the sender itself counts on (EIP-7702), and the price of the gas. */
function chargeSender({ manager: { world } }: Machine, message: Message, prices: MessagePrices): void {
  const { nonce, balance, codeHash } = world.getAccount(message.from) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  const price = message.gasLimit * prices.gas + blobGasOf(message) * prices.blobGas;
  // Nobody can have the last nonce but by an override; geth lets it wrap round.
  world.setAccount(message.from, { nonce: BigInt.asUintN(64, nonce + 1n), balance: balance - price, codeHash });
}

/** EIP-2929, 2930 and 3651. */
function warmAddresses({ evm, precompiles }: Machine, env: CallEnvironment, { from, to, accessList }: Message): void {
  const { journal } = evm;
  journal.cleanJournal();
  for (const precompile of precompiles.standard.keys()) journal.addAlwaysWarmAddress(precompile);
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
