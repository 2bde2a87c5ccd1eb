import type { StateAccess } from '../protocol/ports/state.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { fromKey } from '../util/bytes.ts';

interface RecordedAccount {
  readonly address: Address;
  readonly slots: Map<string, Hash>;
}

/** Keys touched since the last {@link AccessRecorder.take}. A key costs one map look-up after its first touch. */
export class AccessRecorder {
  #accounts = new Map<string, RecordedAccount>();
  #codes = new Set<string>();

  hasAccount(accountKey: string): boolean {
    return this.#accounts.has(accountKey);
  }

  /** Records the first touch of an account. */
  addAccount(accountKey: string, address: Address): void {
    this.#accounts.set(accountKey, { address: new Uint8Array(address), slots: new Map() });
  }

  /** The account must have been recorded. */
  touchSlot(accountKey: string, slotKey: string, key: Hash): void {
    const slots = this.#accounts.get(accountKey)?.slots;
    if (slots !== undefined && !slots.has(slotKey)) slots.set(slotKey, new Uint8Array(key));
  }

  touchCode(codeKey: string): void {
    this.#codes.add(codeKey);
  }

  take(): StateAccess {
    const access = { accounts: this.#accounts, codeHashes: [...this.#codes].map(fromKey) };
    this.#accounts = new Map();
    this.#codes = new Set();
    return access;
  }
}
