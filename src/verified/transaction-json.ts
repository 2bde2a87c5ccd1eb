import { effectiveGasPrice, type Transaction } from '../protocol/transaction.ts';
import { toHex } from '../util/bytes.ts';
import { type JsonObject, quantity } from './json-fields.ts';
import type { ProvenReceipt } from './proven-receipt.ts';

/** A transaction object as eth_getTransactionByHash answers it. */
export function formatTransaction({ block, index, transaction, sender }: ProvenReceipt): JsonObject {
  const { header, hash } = block;
  const { to } = transaction;
  return {
    blockHash: toHex(hash),
    blockNumber: quantity(header.number),
    blockTimestamp: quantity(header.timestamp),
    transactionIndex: quantity(index),
    hash: toHex(transaction.hash),
    type: quantity(transaction.type),
    nonce: quantity(transaction.nonce),
    from: toHex(sender),
    to: to === undefined ? null : toHex(to),
    value: quantity(transaction.value),
    gas: quantity(transaction.gasLimit),
    gasPrice: quantity(effectiveGasPrice(transaction, header.baseFeePerGas)),
    input: toHex(transaction.data),
    ...typedFields(transaction),
    v: quantity(transaction.v),
    r: quantity(transaction.r),
    s: quantity(transaction.s),
  };
}

/** What the type of the transaction adds (EIP-155, 2930, 1559, 7702). */
function typedFields(transaction: Transaction): JsonObject {
  const { type, chainId, accessList, authorizationList } = transaction;
  return {
    ...(chainId !== undefined && { chainId: quantity(chainId) }),
    ...(type > 0 && {
      yParity: quantity(transaction.yParity),
      accessList: accessList.map(({ address, storageKeys }) => ({
        address: toHex(address),
        storageKeys: storageKeys.map(toHex),
      })),
    }),
    ...(type > 1 && {
      maxFeePerGas: quantity(transaction.maxFeePerGas),
      maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
    }),
    ...(type === 4 && {
      authorizationList: authorizationList.map(({ chainId: id, address, nonce, yParity, r, s }) => ({
        ...{ chainId: quantity(id), address: toHex(address), nonce: quantity(nonce) },
        ...{ yParity: quantity(yParity), r: quantity(r), s: quantity(s) },
      })),
    }),
  };
}
