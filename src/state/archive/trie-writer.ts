import type { Account, Address } from '../../protocol/primitives.ts';
import { type AccountDiff, isClearedSlot, type SlotDiff } from '../../protocol/state-diff.ts';
import type { ArenaStateTrie } from '../arena/arena-state-trie.ts';
import type { SlotOfRow } from '../table/moment-rows.ts';

/** Accounts and slots handed to the trie at a time: garbage that is gone before it is copied. */
const BATCH = 1_024;

/**
 * Sets accounts and slots of a trie to what they are in one state, each once at most. An account comes before its slots:
 * one that does not exist takes its storage with it.
 */
export class TrieWriter {
  readonly #trie: ArenaStateTrie;
  /** Rows of accounts that do not exist. */
  readonly #absent = new Set<number>();
  #accounts: AccountDiff[] = [];
  #size = 0;
  /** Slots of the account that came last. */
  #slots: SlotDiff[] = [];
  #owner = -1;

  constructor(trie: ArenaStateTrie) {
    this.#trie = trie;
  }

  /** @throws StrobeError TRIE_ARENA_FAILED when the memory is full */
  setAccount(row: number, address: Address, account: Account | undefined): void {
    this.#owner = -1;
    if (account === undefined) {
      this.#absent.add(row);
      this.#push({ address, deleted: true });
    } else {
      this.#push({ address, ...account });
    }
  }

  /** @throws StrobeError TRIE_ARENA_FAILED when the memory is full */
  setSlot({ owner, address, key, value }: SlotOfRow): void {
    const slot = { key, value };
    // Writing a slot makes its account exist.
    if (isClearedSlot(slot) && this.#absent.has(owner)) return;
    if (owner !== this.#owner) {
      this.#slots = [];
      this.#owner = owner;
      this.#accounts.push({ address, slots: this.#slots });
    }
    this.#slots.push(slot);
    this.#grow();
  }

  /** To be called last. @throws StrobeError TRIE_ARENA_FAILED */
  flush(): void {
    this.#trie.apply({ accounts: this.#accounts, codes: [] });
    this.#accounts = [];
    this.#size = 0;
    this.#owner = -1;
  }

  #push(account: AccountDiff): void {
    this.#accounts.push(account);
    this.#grow();
  }

  #grow(): void {
    if (++this.#size === BATCH) this.flush();
  }
}
