import type { Common } from '@ethereumjs/common';
import { Capability, type TypedTransaction } from '@ethereumjs/tx';
import { Address as LibraryAddress } from '@ethereumjs/util';
import type { SignedTransaction } from '../../protocol/ports/execution.ts';
import { type Authorization, effectiveGasPrice, type Transaction } from '../../protocol/transaction.ts';
import { type Bytes, bigIntToBytes, toHex } from '../../util/bytes.ts';

/** Capabilities by transaction type, as the library's own classes declare them. */
const CAPABILITIES: Record<Transaction['type'], readonly number[]> = {
  0: [],
  1: [Capability.EIP2718TypedTransaction, Capability.EIP2930AccessLists],
  2: [Capability.EIP2718TypedTransaction, Capability.EIP2930AccessLists, Capability.EIP1559FeeMarket],
  4: [Capability.EIP2718TypedTransaction, Capability.EIP2930AccessLists, Capability.EIP1559FeeMarket, Capability.EIP7702EOACode],
};

/**
 * A transaction as `runTx` reads it. It stands in for the library's classes because everything those do on
 * construction has been done: the transaction is decoded and validated, and its sender is known, so no signature is
 * recovered.
 */
class ExecutableTransaction {
  readonly type: Transaction['type'];
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly gasPrice: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly value: bigint;
  readonly data: Bytes;
  readonly to: LibraryAddress | undefined;
  readonly accessList: readonly (readonly [Bytes, readonly Bytes[]])[];
  readonly authorizationList: readonly (readonly Bytes[])[];
  readonly common: Common;
  readonly #sender: LibraryAddress;
  readonly #intrinsicGas: bigint;
  readonly #hash: Bytes;

  constructor({ transaction, sender }: SignedTransaction, intrinsicGas: bigint, common: Common) {
    this.type = transaction.type;
    this.nonce = transaction.nonce;
    this.gasLimit = transaction.gasLimit;
    this.gasPrice = transaction.maxFeePerGas;
    this.maxFeePerGas = transaction.maxFeePerGas;
    this.maxPriorityFeePerGas = transaction.maxPriorityFeePerGas;
    this.value = transaction.value;
    this.data = transaction.data;
    this.to = transaction.to && new LibraryAddress(transaction.to);
    this.accessList = transaction.accessList.map((entry) => [entry.address, entry.storageKeys]);
    this.authorizationList = transaction.authorizationList.map(toAuthorizationFields);
    this.common = common;
    this.#sender = new LibraryAddress(sender);
    this.#intrinsicGas = intrinsicGas;
    this.#hash = transaction.hash;
  }

  supports(capability: number): boolean {
    return CAPABILITIES[this.type].includes(capability);
  }

  getSenderAddress(): LibraryAddress {
    return this.#sender;
  }

  isSigned(): boolean {
    return true;
  }

  hash(): Bytes {
    return this.#hash;
  }

  getIntrinsicGas(): bigint {
    return this.#intrinsicGas;
  }

  toCreationAddress(): boolean {
    return this.to === undefined;
  }

  getEffectivePriorityFee(baseFee: bigint): bigint {
    return effectiveGasPrice(this, baseFee) - baseFee;
  }

  getUpfrontCost(baseFee = 0n): bigint {
    return this.gasLimit * effectiveGasPrice(this, baseFee) + this.value;
  }

  errorStr(): string {
    return `tx ${toHex(this.#hash)}`;
  }
}

/** @param intrinsicGas gas charged before execution */
export function toExecutable(signed: SignedTransaction, intrinsicGas: bigint, common: Common): TypedTransaction {
  return new ExecutableTransaction(signed, intrinsicGas, common) as unknown as TypedTransaction;
}

function toAuthorizationFields({ chainId, address, nonce, yParity, r, s }: Authorization): readonly Bytes[] {
  const [chain, count, parity] = [chainId, nonce, BigInt(yParity)].map(bigIntToBytes) as [Bytes, Bytes, Bytes];
  return [chain, address, count, parity, bigIntToBytes(r), bigIntToBytes(s)];
}
