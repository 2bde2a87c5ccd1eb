import type { ProvenAccount, SlotProof, StateProof } from '../../protocol/ports/proofs.ts';
import type { ChangedAccount } from '../../protocol/ports/simulation.ts';
import { type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import { type AccountDiff, isClearedSlot, type StateDiff } from '../../protocol/state-diff.ts';
import type { WitnessKey } from '../../protocol/witness.ts';
import { type Bytes, bytesToBigInt, padTo32, toKey } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { DiffInput, MAX_BATCH } from '../diff-input.ts';
import { type ArenaExports, bytesAt, guarded, MAX_ARENA_BYTES, openArena, type Pointer } from './arena-module.ts';
import { ArenaWalk, PRESENT } from './arena-walk.ts';
import { ArenaWitness } from './arena-witness.ts';

export interface ArenaStateTrieOptions {
  /** Largest memory, bytes; default and most: nearly 4 GiB, about 15 million keys. */
  readonly maxBytes?: number;
  /**
   * Earlier blocks stay views until {@link ArenaStateTrie.forgetOldestView}, or there are too many ({@link MAX_VIEWS});
   * default false: only the open block is one.
   */
  readonly keepsViews?: boolean;
}

/** Most views that are kept (assembly/journal.ts). */
export const MAX_VIEWS = 4_096;

/** What a trie takes. */
export interface ArenaUsage {
  /** Memory taken from the system. */
  readonly reservedBytes: number;
  /** Part of it that records were cut from, free ones included. */
  readonly usedBytes: number;
  /** Part of it that looking back takes: copies of records and records that are in no trie any more. */
  readonly historyBytes: number;
  /** Records by kind, with those that only views of the past have. */
  readonly accounts: number;
  /** Accounts with code or storage. */
  readonly contracts: number;
  readonly slots: number;
  readonly branches: number;
}

/** The storage keys of an account that the open block cleared at any time, and whether it deleted the account. */
interface Deletions {
  account: boolean;
  readonly slots: Map<string, Hash>;
}

/** Kinds of records (assembly/record.ts); branches come in four sizes. */
const SLOT_KIND = 0;
const ACCOUNT_KIND = 1;
const CONTRACT_KIND = 2;
const BRANCH_KINDS = [3, 4, 5, 6];

/**
 * The Merkle-Patricia state trie with its storage tries (Yellow Paper, section 4.1 and appendix D) in one WebAssembly
 * memory. Fed with state diffs; hashes what changed when asked for the root.
 *
 * With {@link ArenaStateTrie.startBlock} it also keeps views: the state before the open block, for the block's witness,
 * and before earlier blocks, for proofs.
 *
 * After TRIE_ARENA_FAILED the trie is of no use and every call throws.
 */
export class ArenaStateTrie {
  readonly #arena: ArenaExports;
  readonly #input: DiffInput;
  #failure: unknown;
  readonly #keepsViews: boolean;
  #isClean = true;
  /** Number of the open block, PRESENT before the first. */
  #block = PRESENT;
  #oldestView = 1;
  #preRoot: Hash;
  #deletions = new Map<string, Deletions>();

  constructor(options: ArenaStateTrieOptions = {}) {
    this.#arena = openArena(options.maxBytes ?? MAX_ARENA_BYTES, true);
    this.#input = new DiffInput(this.#arena);
    this.#keepsViews = options.keepsViews ?? false;
    this.#preRoot = this.root();
  }

  /** @throws StrobeError TRIE_ARENA_FAILED when the memory is full */
  apply(diff: StateDiff): void {
    this.#isClean = false;
    this.#run(() => {
      for (let at = 0; at < diff.accounts.length; at += MAX_BATCH) this.#applyBatch(diff.accounts.slice(at, at + MAX_BATCH));
    });
  }

  #applyBatch(accounts: readonly AccountDiff[]): void {
    this.#input.setAddresses(accounts);
    this.#arena.fetchAccounts(accounts.length);
    for (const account of accounts) this.#applyAccount(account);
  }

  #applyAccount(diff: AccountDiff): void {
    if (this.#block !== PRESENT) this.#noteDeletions(diff);
    this.#input.apply(diff);
  }

  #noteDeletions(diff: AccountDiff): void {
    const cleared = diff.slots?.filter(isClearedSlot) ?? [];
    if (diff.deleted === undefined && cleared.length === 0) return;
    const name = toKey(diff.address);
    const deletions = this.#deletions.get(name) ?? { account: false, slots: new Map<string, Hash>() };
    deletions.account ||= diff.deleted === true;
    for (const { key } of cleared) deletions.slots.set(toKey(key), key);
    this.#deletions.set(name, deletions);
  }

  /**
   * The state root; hashes what changed since it was last asked.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  root(): Hash {
    this.#clean();
    return bytesAt(this.#arena, this.#arena.ROOT.value, 32);
  }

  /**
   * Ends the open block, if any, and begins the next: witnesses are of the state as it is now.
   * @returns the view of the state as it is now; views are consecutive numbers
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  startBlock(): number {
    this.#preRoot = this.root();
    if (this.#block - this.#oldestView + 1 === MAX_VIEWS) this.forgetOldestView();
    this.#run(() => {
      this.#block = this.#arena.startBlock();
    });
    this.#deletions = new Map();
    if (!this.#keepsViews) while (this.#oldestView < this.#block) this.forgetOldestView();
    return this.#block;
  }

  /**
   * Gives up the oldest view, unless it is the open block's.
   * @returns the oldest that is left
   */
  forgetOldestView(): number {
    this.#run(() => {
      this.#oldestView = this.#arena.forgetOldest();
    });
    return this.#oldestView;
  }

  /**
   * The nodes of the state before the open block that prove every key and let what the block changed be applied in any
   * order, each once, parents before children. Before the first {@link ArenaStateTrie.startBlock}: of the present state.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  witnessNodes(keys: readonly WitnessKey[]): Bytes[] {
    this.#clean();
    return this.#run(() => this.#witnessNodes(keys));
  }

  #witnessNodes(keys: readonly WitnessKey[]): Bytes[] {
    const walk = new ArenaWalk(this.#arena, this.#block);
    const witness = new ArenaWitness(this.#arena);
    const accounts = keys.map(({ address }) => ({
      hash: keccak256(address),
      deleted: this.#deletions.get(toKey(address))?.account === true,
    }));
    witness.collect(0, this.#block === PRESENT ? this.root() : this.#preRoot, accounts);
    for (const [i, { address, slots }] of keys.entries()) {
      if (slots.length === 0) continue;
      const account = walk.leaf(0, (accounts[i] as { hash: Hash }).hash);
      if (account === 0) continue;
      const cleared = this.#deletions.get(toKey(address))?.slots.values() ?? [];
      const covered = [
        ...slots.map((key) => ({ hash: keccak256(key), deleted: false })),
        ...[...cleared].map((key) => ({ hash: keccak256(key), deleted: true })),
      ];
      witness.collect(account, walk.root(account), covered);
    }
    return witness.nodes();
  }

  /**
   * As {@link ArenaStateTrie.witnessNodes}, in a view that is not forgotten, for changes that nobody made.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  nodesFor(view: number, changes: readonly ChangedAccount[]): Bytes[] {
    this.#assertKept(view);
    this.#clean();
    return this.#run(() => this.#nodesFor(view, changes));
  }

  #nodesFor(view: number, changes: readonly ChangedAccount[]): Bytes[] {
    const walk = new ArenaWalk(this.#arena, view);
    const witness = new ArenaWitness(this.#arena);
    const accounts = changes.map(({ address, deleted }) => ({ hash: keccak256(address), deleted }));
    witness.collect(0, walk.root(0), accounts);
    for (const [i, { slots }] of changes.entries()) {
      const account = walk.leaf(0, (accounts[i] as { hash: Hash }).hash);
      if (account === 0) continue;
      const covered = slots.map(({ key, deleted }) => ({ hash: keccak256(key), deleted }));
      witness.collect(account, walk.root(account), covered);
    }
    // Each on its own: the memory that they were collected in is much larger, and would travel with them.
    return witness.nodes().map((node) => node.slice());
  }

  /**
   * The present account, undefined when it does not exist.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  account(address: Bytes): ProvenAccount | undefined {
    return this.proof(PRESENT, address, []).account;
  }

  /**
   * Merkle proof of an account in the present state: see {@link StateProof}.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  proveAccount(address: Bytes): readonly Bytes[] {
    return this.proof(PRESENT, address, []).accountProof;
  }

  /**
   * Merkle proof of a slot in the present storage trie of an account; empty when that has no storage.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  proveSlot(address: Bytes, key: Hash): readonly Bytes[] {
    const [slot] = this.proof(PRESENT, address, [key]).slots;
    return slot === undefined ? [] : slot.proof;
  }

  /**
   * An account and slots of it with their proofs, in a view that is not forgotten or in the present state.
   * @throws StrobeError TRIE_ARENA_FAILED
   */
  proof(view: number, address: Bytes, keys: readonly Hash[]): StateProof {
    this.#assertKept(view);
    this.#clean();
    const walk = new ArenaWalk(this.#arena, view);
    const hash = keccak256(address);
    const account = walk.leaf(0, hash);
    return {
      account: account === 0 ? undefined : this.#readAccount(account),
      accountProof: walk.prove(0, hash),
      slots: keys.map((key) => (account === 0 ? { key, value: ZERO_HASH, proof: [] } : this.#slotProof(walk, account, key))),
    };
  }

  #assertKept(view: number): void {
    invariant(view === PRESENT || (view >= this.#oldestView && view <= this.#block), 'a view that is kept');
  }

  #readAccount(account: Pointer): ProvenAccount {
    this.#arena.readAccount(account);
    const fields = bytesAt(this.#arena, this.#arena.VALUE.value, 104);
    return {
      nonce: bytesToBigInt(fields.subarray(0, 8).toReversed()),
      balance: bytesToBigInt(fields.subarray(8, 40).toReversed()),
      codeHash: fields.slice(40, 72),
      storageRoot: fields.slice(72, 104),
    };
  }

  #slotProof(walk: ArenaWalk, account: Pointer, key: Hash): SlotProof {
    const hash = keccak256(key);
    const slot = walk.leaf(account, hash);
    const proof = walk.prove(account, hash);
    if (slot === 0) return { key, value: ZERO_HASH, proof };
    const value = bytesAt(this.#arena, this.#arena.VALUE.value, this.#arena.readSlot(slot));
    // The RLP of a word without leading zeros: one byte is itself, or has a header like any other length.
    return { key, value: padTo32(value.length === 1 ? value : value.subarray(1)), proof };
  }

  usage(): ArenaUsage {
    const arena = this.#arena;
    return {
      reservedBytes: arena.memory.buffer.byteLength,
      usedBytes: arena.bytesInUse() >>> 0,
      historyBytes: arena.journalBytes() >>> 0,
      accounts: arena.recordCount(ACCOUNT_KIND),
      contracts: arena.recordCount(CONTRACT_KIND),
      slots: arena.recordCount(SLOT_KIND),
      branches: BRANCH_KINDS.reduce((sum, kind) => sum + arena.recordCount(kind), 0),
    };
  }

  #clean(): void {
    if (this.#isClean && this.#failure === undefined) return;
    this.#run(() => this.#arena.updateRoot());
    this.#isClean = true;
  }

  #run<Result>(calls: () => Result): Result {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return guarded(this.#arena, calls);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}
