import type { Hash } from '../../../../src/protocol/primitives.ts';
import {
  type ArenaExports,
  bytesAt,
  MAX_ARENA_BYTES,
  openArena,
  type Pointer,
} from '../../../../src/state/arena/arena-module.ts';
import { ArenaWalk, PRESENT } from '../../../../src/state/arena/arena-walk.ts';
import { ArenaWitness } from '../../../../src/state/arena/arena-witness.ts';
import { DiffInput, HAS_NONCE } from '../../../../src/state/diff-input.ts';
import type { Bytes } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';

const ADDRESS = new Uint8Array(20).fill(0xaa);

/** One storage trie of an arena, with 32-byte keys and values of up to 35 bytes just as they are given. */
export class RawStorageTrie {
  readonly arena: ArenaExports;
  readonly #input: DiffInput;
  readonly #account: Pointer;
  #view = PRESENT;
  #oldestView = 1;

  /** @param hashesKeys true: tries with hashed keys ("secure") */
  constructor(hashesKeys = false) {
    this.arena = openArena(MAX_ARENA_BYTES, hashesKeys);
    this.#input = new DiffInput(this.arena);
    this.#input.setAddress(ADDRESS);
    this.#input.setNonce(1n);
    this.#account = this.arena.writeAccount(HAS_NONCE);
  }

  /** An empty value deletes. */
  put(key: Bytes, value: Bytes): void {
    this.#input.setRawSlot(key, value);
    this.arena.writeRawSlot(this.#account, value.length);
  }

  root(): Hash {
    this.arena.updateRoot();
    return bytesAt(this.arena, this.arena.rootAt(this.#account), 32);
  }

  prove(keyHash: Hash): Bytes[] {
    this.arena.updateRoot();
    return new ArenaWalk(this.arena, PRESENT).prove(this.#account, keyHash);
  }

  /** The proof of a key as the trie was when {@link RawStorageTrie.startBlock} gave that view. */
  proveIn(view: number, keyHash: Hash): Bytes[] {
    this.arena.updateRoot();
    const walk = new ArenaWalk(this.arena, view);
    return walk.prove(walk.leaf(0, keccak256(ADDRESS)), keyHash);
  }

  /** The nodes before the open block that cover these keys, by keys as `collectWitnessNodes` takes them. */
  witness(read: readonly Bytes[], deleted: readonly Bytes[]): Bytes[] {
    this.arena.updateRoot();
    const walk = new ArenaWalk(this.arena, this.#view);
    const account = walk.leaf(0, keccak256(ADDRESS));
    const keys = [...read.map((hash) => ({ hash, deleted: false })), ...deleted.map((hash) => ({ hash, deleted: true }))];
    const witness = new ArenaWitness(this.arena);
    witness.collect(account, walk.root(account), keys);
    return witness.nodes();
  }

  /** Views before the newest `keptViews` are forgotten; returns the newest. */
  startBlock(keptViews = 1): number {
    this.#view = this.arena.startBlock();
    while (this.#oldestView + keptViews <= this.#view) this.#oldestView = this.arena.forgetOldest();
    return this.#view;
  }
}
