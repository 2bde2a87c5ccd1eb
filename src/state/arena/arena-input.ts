import type { Hash } from '../../protocol/primitives.ts';
import type { SlotDiff } from '../../protocol/state-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { ArenaExports } from './arena-module.ts';

/** Which fields {@link ArenaExports.writeAccount} takes from the input. */
export const HAS_NONCE = 1;
export const HAS_BALANCE = 2;
export const HAS_CODE = 4;

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

function viewsOf({ memory, KEY, VALUE, BATCH }: ArenaExports): InputViews {
  return {
    key: new Uint8Array(memory.buffer, KEY.value, 32),
    keyWords: new BigUint64Array(memory.buffer, KEY.value, 4),
    value: new Uint8Array(memory.buffer, VALUE.value, 128),
    valueWords: new BigUint64Array(memory.buffer, VALUE.value, 16),
    batch: new Uint8Array(memory.buffer, BATCH.value, MAX_BATCH * 64),
    batchWords: new BigUint64Array(memory.buffer, BATCH.value, MAX_BATCH * 8),
  };
}

/** Writes the inputs of calls into the memory of an arena. */
export class ArenaInput {
  readonly #arena: ArenaExports;
  /** They end when the memory grows, and are made again then. */
  #views: InputViews;

  constructor(arena: ArenaExports) {
    this.#arena = arena;
    this.#views = viewsOf(arena);
  }

  #current(): InputViews {
    if (this.#views.key.length === 0) this.#views = viewsOf(this.#arena);
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

  setBalance(balance: bigint): void {
    const { valueWords } = this.#current();
    valueWords[1] = balance;
    let rest = balance < WORD ? 0n : balance >> 64n;
    for (let i = 2; i <= 4; i++) {
      valueWords[i] = rest;
      rest >>= 64n;
    }
  }

  setCodeHash(codeHash: Hash): void {
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
  setSlots(slots: readonly SlotDiff[]): void {
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
