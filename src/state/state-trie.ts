import { decodeAccountLeaf, encodeAccountLeaf } from '../protocol/account-leaf.ts';
import type { ProvenAccount } from '../protocol/ports/proofs.ts';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { encodeRlp } from '../protocol/rlp.ts';
import { type AccountDiff, isClearedSlot, type SlotDiff, type StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, toKey, trimLeadingZeros } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { Trie } from './trie.ts';
import type { NodeResolver } from './trie-loader.ts';

/** Hashed keys have 32 bytes in the state trie and in every storage trie. */
const KEY_BYTES = 32;

/**
 * The Merkle-Patricia state trie with its storage tries, fed with state diffs. Whole when it starts empty; partial when
 * it starts from a root with a resolver, and then a missing node throws MISSING_TRIE_NODE.
 */
export class StateTrie {
  readonly #accounts: Trie;
  readonly #storage = new Map<string, Trie>();
  readonly #resolver: NodeResolver | undefined;
  /** Accounts whose storage changed since the last root: their leaf still carries the old storage root. */
  readonly #staleLeaves = new Map<string, Bytes>();

  private constructor(accounts: Trie, resolver: NodeResolver | undefined) {
    this.#accounts = accounts;
    this.#resolver = resolver;
  }

  static empty(): StateTrie {
    return new StateTrie(Trie.empty(KEY_BYTES), undefined);
  }

  static fromRoot(root: Hash, resolver: NodeResolver): StateTrie {
    return new StateTrie(Trie.fromRoot(root, resolver, KEY_BYTES), resolver);
  }

  /** @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE on a partial trie; it is of no use then */
  apply(diff: StateDiff): void {
    for (const account of diff.accounts) this.#applyAccount(account);
  }

  #applyAccount(diff: AccountDiff): void {
    const name = toKey(diff.address);
    const key = keccak256(diff.address);
    if (diff.deleted) {
      this.#accounts.delete(key);
      this.#storage.delete(name);
      this.#staleLeaves.delete(name);
      return;
    }
    const old = this.#leaf(key);
    const leaf: ProvenAccount = {
      nonce: diff.nonce ?? old?.nonce ?? 0n,
      balance: diff.balance ?? old?.balance ?? 0n,
      codeHash: diff.codeHash ?? old?.codeHash ?? EMPTY_CODE_HASH,
      storageRoot: old?.storageRoot ?? EMPTY_TRIE_ROOT,
    };
    if (diff.slots !== undefined) {
      this.#applySlots(this.#storageOf(name, leaf.storageRoot), diff.slots);
      this.#staleLeaves.set(name, key);
    }
    this.#accounts.put(key, encodeAccountLeaf(leaf));
  }

  #applySlots(trie: Trie, slots: readonly SlotDiff[]): void {
    for (const slot of slots) {
      const key = keccak256(slot.key);
      if (isClearedSlot(slot)) trie.delete(key);
      else trie.put(key, encodeRlp(trimLeadingZeros(slot.value)));
    }
  }

  #leaf(key: Bytes): ProvenAccount | undefined {
    const value = this.#accounts.get(key);
    return value === undefined ? undefined : decodeAccountLeaf(value);
  }

  #storageOf(name: string, storageRoot: Hash): Trie {
    let trie = this.#storage.get(name);
    if (trie === undefined) {
      trie = this.#openStorage(storageRoot);
      this.#storage.set(name, trie);
    }
    return trie;
  }

  #openStorage(storageRoot: Hash): Trie {
    if (this.#resolver === undefined || bytesEqual(storageRoot, EMPTY_TRIE_ROOT)) return Trie.empty(KEY_BYTES);
    return Trie.fromRoot(storageRoot, this.#resolver, KEY_BYTES);
  }

  /** The state root; hashes what changed since it was last asked. */
  root(): Hash {
    for (const [name, key] of this.#staleLeaves) {
      const leaf = this.#leaf(key);
      const storage = this.#storage.get(name);
      if (leaf === undefined || storage === undefined) continue;
      this.#accounts.put(key, encodeAccountLeaf({ ...leaf, storageRoot: storage.root() }));
    }
    this.#staleLeaves.clear();
    return this.#accounts.root();
  }

  /** The trie of accounts as it is now; later writes here do not show in it. Ask for {@link StateTrie.root} first. */
  accountsSnapshot(): Trie {
    return this.#accounts.snapshot();
  }

  /** The storage trie of an account as it is now, undefined when it has no storage. */
  storageSnapshot(address: Bytes): Trie | undefined {
    return this.#storage.get(toKey(address))?.snapshot();
  }
}
