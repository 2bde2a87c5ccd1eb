import type { Hash } from '../protocol/primitives.ts';
import type { AccountDiff, SlotDiff } from '../protocol/state-diff.ts';
import type { Bytes } from '../util/bytes.ts';

/** A WebAssembly module that takes state diffs: assembly/arena.ts, assembly/witness-trie.ts. */
export interface DiffModule {
  readonly memory: WebAssembly.Memory;
  readonly KEY: WebAssembly.Global;
  readonly VALUE: WebAssembly.Global;
  readonly BATCH: WebAssembly.Global;
  /** Returns what {@link DiffModule.writeSlots} takes. */
  writeAccount(fields: number): number;
  deleteAccount(): void;
  writeSlots(account: number, count: number): void;
}

/** Which fields {@link DiffModule.writeAccount} takes from the input. */
export const HAS_NONCE = 1;
const HAS_BALANCE = 2;
const HAS_CODE = 4;

/** Most accounts or slots that are handed over at a time: what they lead to fits the nearest caches. */
export const MAX_BATCH = 64;

/** From here on values do not fit a word of the module. */
const WORD = 2n ** 64n;

interface InputViews {
  readonly key: Bytes;
  readonly keyWords: BigUint64Array;
  readonly value: Bytes;
  readonly valueWords: BigUint64Array;
  readonly batch: Bytes;
  readonly batchWords: BigUint64Array;
}

function viewsOf({ memory, KEY, VALUE, BATCH }: DiffModule): InputViews {
  return {
    key: new Uint8Array(memory.buffer, KEY.value, 32),
    keyWords: new BigUint64Array(memory.buffer, KEY.value, 4),
    value: new Uint8Array(memory.buffer, VALUE.value, 128),
    valueWords: new BigUint64Array(memory.buffer, VALUE.value, 16),
    batch: new Uint8Array(memory.buffer, BATCH.value, MAX_BATCH * 64),
    batchWords: new BigUint64Array(memory.buffer, BATCH.value, MAX_BATCH * 8),
  };
}

/** Writes diffs into a module, and the inputs of its calls. */
export class DiffInput {
  readonly #module: DiffModule;
  /** They end when the memory grows, and are made again then. */
  #views: InputViews;

  constructor(module: DiffModule) {
    this.#module = module;
    this.#views = viewsOf(module);
  }

  /** Writes what a diff says of one account. */
  apply(diff: AccountDiff): void {
    this.setAddress(diff.address);
    if (diff.deleted) {
      this.#module.deleteAccount();
      return;
    }
    let fields = 0;
    if (diff.nonce !== undefined) {
      this.setNonce(diff.nonce);
      fields |= HAS_NONCE;
    }
    if (diff.balance !== undefined) {
      this.#setBalance(diff.balance);
      fields |= HAS_BALANCE;
    }
    if (diff.codeHash !== undefined) {
      this.#setCodeHash(diff.codeHash);
      fields |= HAS_CODE;
    }
    const account = this.#module.writeAccount(fields);
    const { slots = [] } = diff;
    for (let at = 0; at < slots.length; at += MAX_BATCH) {
      const batch = slots.slice(at, at + MAX_BATCH);
      this.#setSlots(batch);
      this.#module.writeSlots(account, batch.length);
    }
  }

  #current(): InputViews {
    if (this.#views.key.length === 0) this.#views = viewsOf(this.#module);
    return this.#views;
  }

  /** The next call is about the account at this 20-byte address. */
  setAddress(address: Bytes): void {
    const { key, keyWords } = this.#current();
    keyWords[2] = 0n;
    key.set(address);
  }

  setNonce(nonce: bigint): void {
    this.#current().valueWords[0] = nonce;
  }

  #setBalance(balance: bigint): void {
    const { valueWords } = this.#current();
    valueWords[1] = balance;
    let rest = balance < WORD ? 0n : balance >> 64n;
    for (let i = 2; i <= 4; i++) {
      valueWords[i] = rest;
      rest >>= 64n;
    }
  }

  #setCodeHash(codeHash: Hash): void {
    this.#current().value.set(codeHash, 40);
  }

  /** The accounts at these addresses, at most {@link MAX_BATCH} of them, are fetched. */
  setAddresses(accounts: readonly { readonly address: Bytes }[]): void {
    const { batch, batchWords } = this.#current();
    for (const [i, { address }] of accounts.entries()) {
      batchWords[i * 4 + 2] = 0n;
      batch.set(address, i * 32);
    }
  }

  /** These slots, at most {@link MAX_BATCH} of them, are written. */
  #setSlots(slots: readonly SlotDiff[]): void {
    const { batch } = this.#current();
    for (const [i, { key, value }] of slots.entries()) {
      batch.set(key, i * 64);
      batch.set(value, i * 64 + 32);
    }
  }

  /** The next call writes this value of a leaf to the slot with this 32-byte key. */
  setRawSlot(key: Hash, value: Bytes): void {
    const views = this.#current();
    views.key.set(key);
    views.value.set(value);
  }
}
