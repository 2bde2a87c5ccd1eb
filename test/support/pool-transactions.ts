import type { StateReader } from '../../src/protocol/ports/state.ts';
import type { Account, Address } from '../../src/protocol/primitives.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { type Bytes, bigIntToBytes32, EMPTY_BYTES, toKey } from '../../src/util/bytes.ts';

/** Address of the pool tests' sender `n`. */
export const senderOf = (n: number): Address => new Uint8Array(20).fill(n + 1);

let hashes = 0n;

/** A decoded plain transfer as the pool sees it, unsigned: the pool is told the sender. Each one has a hash of its own. */
export function poolTransaction(fields: Partial<Transaction> = {}): Transaction {
  const maxFeePerGas = fields.maxFeePerGas ?? 100n;
  return {
    type: 2,
    raw: new Uint8Array(110),
    hash: bigIntToBytes32(++hashes),
    chainId: 1n,
    nonce: 0n,
    maxFeePerGas,
    maxPriorityFeePerGas: maxFeePerGas < 10n ? maxFeePerGas : 10n,
    gasLimit: 21_000n,
    to: new Uint8Array(20).fill(0xaa),
    value: 0n,
    data: EMPTY_BYTES,
    accessList: [],
    authorizationList: [],
    r: 1n,
    s: 2n,
    yParity: 0,
    v: 0n,
    signingHash: new Uint8Array(32),
    signature: new Uint8Array(65),
    ...fields,
  };
}

/** State that a test sets by hand. Senders are rich unless told otherwise. */
export class PoolState implements StateReader {
  readonly #accounts = new Map<string, Account>();
  readonly #codes = new Map<string, Bytes>();
  static readonly WEALTH: bigint = 10n ** 24n;
  reads = 0;

  set(address: Address, changes: Partial<Account>): void {
    const before = this.#accounts.get(toKey(address)) ?? { nonce: 0n, balance: PoolState.WEALTH, codeHash: EMPTY_CODE_HASH };
    this.#accounts.set(toKey(address), { ...before, ...changes });
  }

  setCode(address: Address, code: Bytes, codeHash: Bytes): void {
    this.#codes.set(toKey(codeHash), code);
    this.set(address, { codeHash });
  }

  getAccount(address: Address): Account | undefined {
    this.reads++;
    return this.#accounts.get(toKey(address)) ?? { nonce: 0n, balance: PoolState.WEALTH, codeHash: EMPTY_CODE_HASH };
  }

  getStorage(): Bytes {
    return new Uint8Array(32);
  }

  getCode(codeHash: Bytes): Bytes | undefined {
    return this.#codes.get(toKey(codeHash));
  }
}
