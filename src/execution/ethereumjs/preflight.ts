import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { PoolErrorCode } from '../../protocol/pool-errors.ts';
import type { SignedTransaction } from '../../protocol/ports/execution.ts';
import type { WorldState } from '../../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import type { Transaction } from '../../protocol/transaction.ts';
import { MAX_INIT_CODE_BYTES, type TransactionGas } from '../../protocol/transaction-gas.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { isDelegation } from './authorizations.ts';

export interface Refusal {
  readonly kind: 'rejected';
  readonly code: PoolErrorCode;
  /** In geth's wording, which wallets match on. */
  readonly message: string;
}

export interface BlockPosition {
  readonly env: BlockEnvironment;
  readonly chainId: bigint;
  readonly gasLeft: bigint;
}

/** Why the transaction cannot be included at this point of the block, in the order of geth's checks; undefined if it can. */
export function refuse(
  signed: SignedTransaction,
  gas: TransactionGas,
  position: BlockPosition,
  state: WorldState,
): Refusal | undefined {
  const { transaction, sender } = signed;
  const account = state.getAccount(sender);
  return (
    refuseChain(transaction, position.chainId) ??
    refuseNonce(transaction, sender, account?.nonce ?? 0n) ??
    refuseContractSender(sender, account, state) ??
    refuseFee(transaction, sender, position.env.baseFeePerGas) ??
    refuseFunds(transaction, sender, account?.balance ?? 0n) ??
    refuseGas(transaction, gas, position)
  );
}

function refuseChain({ chainId }: Transaction, expected: bigint): Refusal | undefined {
  if (chainId === undefined || chainId === expected) return undefined;
  return rejected('INVALID_CHAIN_ID', `invalid chain id for signer: have ${chainId} want ${expected}`);
}

function refuseNonce({ nonce }: Transaction, sender: Address, expected: bigint): Refusal | undefined {
  if (nonce === expected) return undefined;
  const where = `address ${toHex(sender)}, tx: ${nonce} state: ${expected}`;
  return nonce < expected
    ? rejected('NONCE_TOO_LOW', `nonce too low: ${where}`)
    : rejected('NONCE_GAP', `nonce too high: ${where}`);
}

/** EIP-3607, with EIP-7702's exception for delegated accounts. */
function refuseContractSender(sender: Address, account: Account | undefined, state: WorldState): Refusal | undefined {
  if (account === undefined || bytesEqual(account.codeHash, EMPTY_CODE_HASH)) return undefined;
  if (isDelegation(state.getCode(account.codeHash))) return undefined;
  return rejected('INVALID_SENDER', `sender not an eoa: address ${toHex(sender)}, codehash: ${toHex(account.codeHash)}`);
}

function refuseFee({ maxFeePerGas }: Transaction, sender: Address, baseFee: bigint): Refusal | undefined {
  if (maxFeePerGas >= baseFee) return undefined;
  return rejected(
    'FEE_TOO_LOW',
    `max fee per gas less than block base fee: address ${toHex(sender)}, maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFee}`,
  );
}

function refuseFunds(transaction: Transaction, sender: Address, balance: bigint): Refusal | undefined {
  const wanted = transaction.gasLimit * transaction.maxFeePerGas + transaction.value;
  if (balance >= wanted) return undefined;
  return rejected('INSUFFICIENT_FUNDS', insufficientFunds(sender, balance, wanted));
}

export function insufficientFunds(sender: Address, have: bigint, want: bigint): string {
  return `insufficient funds for gas * price + value: address ${toHex(sender)} have ${have} want ${want}`;
}

function refuseGas(transaction: Transaction, gas: TransactionGas, position: BlockPosition): Refusal | undefined {
  const { gasLimit, to, data } = transaction;
  if (gasLimit > position.env.gasLimit) return rejected('GAS_LIMIT_EXCEEDED', 'exceeds block gas limit');
  if (gasLimit > position.gasLeft) return rejected('GAS_LIMIT_EXCEEDED', 'gas limit reached');
  if (gasLimit < gas.intrinsic) {
    return rejected('INTRINSIC_GAS_TOO_LOW', `intrinsic gas too low: have ${gasLimit}, want ${gas.intrinsic}`);
  }
  if (gasLimit < gas.floor) {
    return rejected('INTRINSIC_GAS_TOO_LOW', `insufficient gas for floor data gas cost: have ${gasLimit}, want ${gas.floor}`);
  }
  if (to !== undefined || data.length <= MAX_INIT_CODE_BYTES) return undefined;
  return rejected('INIT_CODE_TOO_LARGE', `max initcode size exceeded: code size ${data.length} limit ${MAX_INIT_CODE_BYTES}`);
}

function rejected(code: PoolErrorCode, message: string): Refusal {
  return { kind: 'rejected', code, message };
}
