import type { ChangedAccount, ChangedKey, StateNodes } from '../protocol/ports/simulation.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { isClearedSlot, type StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { StateTrie } from './state-trie.ts';

/** What earlier diffs deleted of an account. */
interface Deletions {
  readonly address: Address;
  isDeleted: boolean;
  readonly slots: Map<string, Hash>;
}

/**
 * The state trie from a root on, of which only the nodes are here that diffs need. Changes of it are nobody else's: what
 * simulated blocks do to the state.
 */
export class PartialState {
  readonly #root: Hash;
  readonly #source: StateNodes;
  readonly #trie: StateTrie;
  readonly #nodes = new Map<string, Bytes>();
  readonly #deletions = new Map<string, Deletions>();

  constructor(stateRoot: Hash, source: StateNodes) {
    this.#root = stateRoot;
    this.#source = source;
    this.#trie = StateTrie.fromRoot(stateRoot, (hash) => this.#nodes.get(toKey(hash)));
  }

  /**
   * Applies the next diff; resolves with the state root after it.
   * @throws StrobeError as {@link StateNodes.nodes} does; this is of no use then
   */
  async apply(diff: StateDiff): Promise<Hash> {
    this.#noteDeletions(diff);
    for (const node of await this.#source.nodes(this.#root, this.#changesOf(diff))) {
      this.#nodes.set(toKey(keccak256(node)), node);
    }
    this.#trie.apply(diff);
    return this.#trie.root();
  }

  #noteDeletions(diff: StateDiff): void {
    for (const { address, deleted, slots } of diff.accounts) {
      const cleared = slots?.filter(isClearedSlot) ?? [];
      if (deleted === undefined && cleared.length === 0) continue;
      const name = toKey(address);
      const deletions = this.#deletions.get(name) ?? { address, isDeleted: false, slots: new Map<string, Hash>() };
      deletions.isDeleted ||= deleted === true;
      for (const { key } of cleared) deletions.slots.set(toKey(key), key);
      this.#deletions.set(name, deletions);
    }
  }

  /** What earlier diffs deleted comes again: a branch that then lost one child may lose another now, and collapse. */
  #changesOf(diff: StateDiff): ChangedAccount[] {
    const changes = new Map<string, ChangedAccount>();
    for (const { address, slots = [] } of diff.accounts) {
      const cleared = this.#deletions.get(toKey(address))?.slots;
      const set = slots.filter(({ key }) => cleared?.has(toKey(key)) !== true);
      changes.set(toKey(address), { address, deleted: false, slots: set.map(({ key }) => ({ key, deleted: false })) });
    }
    for (const [name, { address, isDeleted, slots }] of this.#deletions) {
      const cleared = [...slots.values()].map((key): ChangedKey => ({ key, deleted: true }));
      const set = changes.get(name)?.slots ?? [];
      changes.set(name, { address, deleted: isDeleted, slots: [...set, ...cleared] });
    }
    return [...changes.values()];
  }
}
