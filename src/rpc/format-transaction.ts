import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import { type Address, ZERO_HASH } from '../protocol/primitives.ts';
import { type AccessListEntry, effectiveGasPrice, type Transaction } from '../protocol/transaction.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { quantity } from './quantity.ts';

/** A transaction object of the OpenRPC document. */
export type RpcTransaction = Readonly<Record<string, unknown>>;

/** The hash of a block that is not sealed yet: 32 zero bytes. */
export const UNSEALED_HASH: Hex = toHex(ZERO_HASH);

/** A transaction in a sealed block or in a durable mini-block. */
export function formatTransaction(indexed: IndexedTransaction): RpcTransaction {
  const { transaction } = indexed;
  return {
    blockHash: indexed.blockHash === undefined ? UNSEALED_HASH : toHex(indexed.blockHash),
    blockNumber: quantity(indexed.blockNumber),
    blockTimestamp: quantity(indexed.blockTimestamp),
    transactionIndex: quantity(indexed.transactionIndex),
    gasPrice: quantity(effectiveGasPrice(transaction, indexed.baseFeePerGas)),
    ...signedFields(transaction, indexed.sender),
  };
}

/** A transaction of the pool: it has no place yet, and its gas price is what it may cost at most. */
export function formatPooledTransaction(transaction: Transaction, sender: Address): RpcTransaction {
  return {
    blockHash: null,
    blockNumber: null,
    blockTimestamp: null,
    transactionIndex: null,
    gasPrice: quantity(transaction.maxFeePerGas),
    ...signedFields(transaction, sender),
  };
}

function signedFields(transaction: Transaction, sender: Address): RpcTransaction {
  return {
    hash: toHex(transaction.hash),
    type: quantity(transaction.type),
    nonce: quantity(transaction.nonce),
    from: toHex(sender),
    to: transaction.to === undefined ? null : toHex(transaction.to),
    value: quantity(transaction.value),
    gas: quantity(transaction.gasLimit),
    input: toHex(transaction.data),
    ...typedFields(transaction),
    v: quantity(transaction.v),
    r: quantity(transaction.r),
    s: quantity(transaction.s),
  };
}

/** What the type of the transaction adds (EIP-155, 2930, 1559, 7702). */
function typedFields(transaction: Transaction): RpcTransaction {
  const chainId = transaction.chainId === undefined ? {} : { chainId: quantity(transaction.chainId) };
  if (transaction.type === 0) return chainId;
  const accessList = formatAccessList(transaction.accessList);
  const typed = { ...chainId, accessList, yParity: quantity(transaction.yParity) };
  if (transaction.type === 1) return typed;
  const fees = {
    maxFeePerGas: quantity(transaction.maxFeePerGas),
    maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
  };
  return transaction.type === 2 ? { ...typed, ...fees } : { ...typed, ...fees, ...authorizations(transaction) };
}

export function formatAccessList(accessList: readonly AccessListEntry[]): { address: Hex; storageKeys: Hex[] }[] {
  return accessList.map(({ address, storageKeys }) => ({ address: toHex(address), storageKeys: storageKeys.map(toHex) }));
}

function authorizations(transaction: Transaction): RpcTransaction {
  return {
    authorizationList: transaction.authorizationList.map((authorization) => ({
      chainId: quantity(authorization.chainId),
      address: toHex(authorization.address),
      nonce: quantity(authorization.nonce),
      yParity: quantity(authorization.yParity),
      r: quantity(authorization.r),
      s: quantity(authorization.s),
    })),
  };
}
