import type { StateAccess } from '../protocol/ports/state.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { fromKey } from '../util/bytes.ts';

interface RecordedAccount {
  readonly address: Address;
  readonly slots: Map<string, Hash>;
}

/**
 * What proving a key adds to a witness, bytes: its leaf, a full branch node that it shares with no other key, a sparse one, and
 * a sibling that a deletion would need; with tens of millions of keys and as many touched as a block's gas allows.
 */
const KEY_BYTES = 1_000;

/** Keys touched since the last {@link AccessRecorder.take}. A key costs one map look-up after its first touch. */
export class AccessRecorder {
  #accounts = new Map<string, RecordedAccount>();
  #codes = new Set<string>();
  #witnessBytes = 0;

  /** Bytes that a witness of what was touched takes, somewhat more rather than less. */
  get witnessBytes(): number {
    return this.#witnessBytes;
  }

  hasAccount(accountKey: string): boolean {
    return this.#accounts.has(accountKey);
  }

  /** Records the first touch of an account. */
  addAccount(accountKey: string, address: Address): void {
    this.#accounts.set(accountKey, { address: new Uint8Array(address), slots: new Map() });
    this.#witnessBytes += KEY_BYTES;
  }

  /** The account must have been recorded. */
  touchSlot(accountKey: string, slotKey: string, key: Hash): void {
    const slots = this.#accounts.get(accountKey)?.slots;
    if (slots === undefined || slots.has(slotKey)) return;
    slots.set(slotKey, new Uint8Array(key));
    this.#witnessBytes += KEY_BYTES;
  }

  touchCode(codeKey: string, codeBytes: number): void {
    if (this.#codes.has(codeKey)) return;
    this.#codes.add(codeKey);
    this.#witnessBytes += codeBytes;
  }

  take(): StateAccess {
    const access = { accounts: this.#accounts, codeHashes: [...this.#codes].map(fromKey) };
    this.#accounts = new Map();
    this.#codes = new Set();
    this.#witnessBytes = 0;
    return access;
  }
}
