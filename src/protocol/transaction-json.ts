import { type Hex, toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import type { Address } from './primitives.ts';
import type { AccessListEntry, Authorization, Transaction } from './transaction.ts';

/** Fields of a transaction object (OpenRPC document of the execution API). */
export type TransactionJson = Readonly<Record<string, unknown>>;

/** Everything that its sender signed, and who that is; where it stands in the chain is not in it. */
export function formatSignedTransaction(transaction: Transaction, sender: Address): TransactionJson {
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
function typedFields(transaction: Transaction): TransactionJson {
  const chainId = transaction.chainId === undefined ? {} : { chainId: quantity(transaction.chainId) };
  if (transaction.type === 0) return chainId;
  const accessList = formatAccessList(transaction.accessList);
  const typed = { ...chainId, accessList, yParity: quantity(transaction.yParity) };
  if (transaction.type === 1) return typed;
  const fees = {
    maxFeePerGas: quantity(transaction.maxFeePerGas),
    maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
  };
  if (transaction.type === 2) return { ...typed, ...fees };
  return { ...typed, ...fees, authorizationList: formatAuthorizations(transaction.authorizationList) };
}

export function formatAccessList(accessList: readonly AccessListEntry[]): { address: Hex; storageKeys: Hex[] }[] {
  return accessList.map(({ address, storageKeys }) => ({ address: toHex(address), storageKeys: storageKeys.map(toHex) }));
}

export function formatAuthorizations(authorizations: readonly Authorization[]): TransactionJson[] {
  return authorizations.map(({ chainId, address, nonce, yParity, r, s }) => ({
    chainId: quantity(chainId),
    address: toHex(address),
    nonce: quantity(nonce),
    yParity: quantity(yParity),
    r: quantity(r),
    s: quantity(s),
  }));
}
