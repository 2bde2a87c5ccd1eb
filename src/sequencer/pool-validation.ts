import { poolError } from '../protocol/pool-errors.ts';
import type { StateReader } from '../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH } from '../protocol/primitives.ts';
import type { Transaction } from '../protocol/transaction.ts';
import { MAX_INIT_CODE_BYTES, transactionGas } from '../protocol/transaction-gas.ts';
import { bytesEqual } from '../util/bytes.ts';

/** What the pool takes at all, whatever the sender's account says. */
export interface PoolRules {
  readonly chainId: number;
  /** Cap on one transaction's gas limit. */
  readonly maxTransactionGas: bigint;
  /** A fee cap below it could never pay the base fee, wei per gas. */
  readonly baseFeeFloorWei: bigint;
}

/** Checks that need no state. @throws StrobeError with a pool error code */
export function checkStateless(transaction: Transaction, rules: PoolRules): void {
  if (transaction.chainId !== undefined && transaction.chainId !== BigInt(rules.chainId)) {
    throw poolError('INVALID_CHAIN_ID', `invalid chain id for signer: have ${transaction.chainId} want ${rules.chainId}`);
  }
  if (transaction.chainId === undefined && !isDeterministicDeployer(transaction)) {
    throw poolError('INVALID_CHAIN_ID', 'only replay-protected (EIP-155) transactions allowed over RPC');
  }
  if (transaction.to === undefined && transaction.data.length > MAX_INIT_CODE_BYTES) {
    throw poolError(
      'INIT_CODE_TOO_LARGE',
      `max initcode size exceeded: code size ${transaction.data.length}, limit ${MAX_INIT_CODE_BYTES}`,
    );
  }
  if (transaction.gasLimit > rules.maxTransactionGas) {
    throw poolError(
      'GAS_LIMIT_EXCEEDED',
      `transaction gas limit too high (cap: ${rules.maxTransactionGas}, tx: ${transaction.gasLimit})`,
    );
  }
  const { intrinsic, floor } = transactionGas(transaction);
  if (transaction.gasLimit < intrinsic) {
    throw poolError('INTRINSIC_GAS_TOO_LOW', `intrinsic gas too low: gas ${transaction.gasLimit}, minimum needed ${intrinsic}`);
  }
  if (transaction.gasLimit < floor) {
    throw poolError(
      'INTRINSIC_GAS_TOO_LOW',
      `insufficient gas for floor data gas cost: gas ${transaction.gasLimit}, minimum needed ${floor}`,
    );
  }
  if (transaction.maxFeePerGas < rules.baseFeeFloorWei) {
    throw poolError(
      'FEE_TOO_LOW',
      `transaction underpriced: gas fee cap ${transaction.maxFeePerGas}, minimum needed ${rules.baseFeeFloorWei}`,
    );
  }
}

/** Keyless deployments (Nick's method) are signed without a chain id on purpose: r and s are the same small number. */
function isDeterministicDeployer(transaction: Transaction): boolean {
  return transaction.to === undefined && transaction.r === transaction.s;
}

/** Wei that a transaction can cost at most. */
export function maxCost(transaction: Transaction): bigint {
  return transaction.gasLimit * transaction.maxFeePerGas + transaction.value;
}

const DELEGATION_PREFIX = Uint8Array.of(0xef, 0x01, 0x00);

/** EIP-3607 and 7702: only accounts without code, or with a delegation, send transactions. */
export function checkSenderCode(account: Account | undefined, sender: Address, state: StateReader): void {
  if (account === undefined || bytesEqual(account.codeHash, EMPTY_CODE_HASH)) return;
  const code = state.getCode(account.codeHash);
  if (code?.length === 23 && bytesEqual(code.subarray(0, 3), DELEGATION_PREFIX)) return;
  throw poolError('INVALID_SENDER', 'sender not an eoa', {
    codeBytes: code?.length ?? 0,
    sender: Buffer.from(sender).toString('hex'),
  });
}

/** @throws StrobeError INSUFFICIENT_FUNDS when the balance does not cover the sender's pooled transactions with this one */
export function checkFunds(balance: bigint, cost: bigint, pooledCost: bigint): void {
  if (balance < cost) {
    throw poolError(
      'INSUFFICIENT_FUNDS',
      `insufficient funds for gas * price + value: balance ${balance}, tx cost ${cost}, overshot ${cost - balance}`,
    );
  }
  if (balance < cost + pooledCost) {
    throw poolError(
      'INSUFFICIENT_FUNDS',
      `insufficient funds for gas * price + value: balance ${balance}, queued cost ${pooledCost}, tx cost ${cost}, overshot ${cost + pooledCost - balance}`,
    );
  }
}
