import type { AccountUndo, StateUndo, StateView, WorldState } from '../protocol/ports/state.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { type Bytes, isZeroBytes, toKey } from '../util/bytes.ts';
import type { KeyedState } from './keyed-state.ts';
import { OverlayState } from './overlay-state.ts';

/**
 * Blocks whose end state can be read. Wallets ask at the block they polled last, up to a minute ago, and geth keeps as
 * many.
 */
export const HISTORY_BLOCKS = 128;

/** Values from before one block of everything that it changed. A null account did not exist; a zero slot was clear. */
interface BlockLayer {
  readonly accounts: Map<string, Account | null>;
  readonly slots: Map<string, Map<string, Hash>>;
}

/** Old values of the newest blocks: the state at the end of each is read through what later blocks changed. */
export class StateHistory {
  readonly #base: KeyedState;
  readonly #keptBlocks: number;
  /** By block number, without gaps: every block has a mini-block. */
  readonly #layers = new Map<number, BlockLayer>();
  #newest = 0;

  constructor(base: KeyedState, keptBlocks: number = HISTORY_BLOCKS) {
    this.#base = base;
    this.#keptBlocks = keptBlocks;
  }

  /** Takes the old values of one mini-block of block `blockNumber`. */
  record(blockNumber: number, undo: StateUndo): void {
    let layer = this.#layers.get(blockNumber);
    if (layer === undefined) {
      layer = { accounts: new Map(), slots: new Map() };
      this.#layers.set(blockNumber, layer);
      this.#layers.delete(blockNumber - this.#keptBlocks);
      this.#newest = blockNumber;
    }
    for (const account of undo.accounts) recordAccount(layer, account);
  }

  /** Forgets blocks above `blockNumber`: they were undone. */
  truncate(blockNumber: number): void {
    for (let number = this.#newest; number > blockNumber; number--) this.#layers.delete(number);
    this.#newest = Math.min(this.#newest, blockNumber);
  }

  /**
   * The state at the end of a block; undefined when later changes are not kept (any more). The view reads the committed
   * state through the changes made until now: it holds until the next mini-block is applied or undone.
   * @param head the sealed head
   */
  at(blockNumber: number, head: number): StateView | undefined {
    const later: BlockLayer[] = [];
    for (let number = blockNumber + 1; number <= Math.max(head, this.#newest); number++) {
      const layer = this.#layers.get(number);
      if (layer === undefined) return undefined;
      later.push(layer);
    }
    return new HistoricalState(this.#base, later);
  }
}

function recordAccount(layer: BlockLayer, { address, before, slots }: AccountUndo): void {
  const key = toKey(address);
  // The first value is the one from before the block.
  if (!layer.accounts.has(key)) layer.accounts.set(key, before ?? null);
  if (slots.length === 0) return;
  let kept = layer.slots.get(key);
  if (kept === undefined) {
    kept = new Map();
    layer.slots.set(key, kept);
  }
  for (const slot of slots) {
    const slotKey = toKey(slot.key);
    if (!kept.has(slotKey)) kept.set(slotKey, slot.value);
  }
}

/** Committed state as it was before the given blocks, oldest first. */
class HistoricalState implements StateView, KeyedState {
  readonly #base: KeyedState;
  readonly #later: readonly BlockLayer[];

  constructor(base: KeyedState, later: readonly BlockLayer[]) {
    this.#base = base;
    this.#later = later;
  }

  getAccount(address: Address): Account | undefined {
    return this.accountAt(toKey(address));
  }

  getStorage(address: Address, key: Hash): Hash {
    return this.slotAt(toKey(address), toKey(key)) ?? ZERO_HASH;
  }

  getCode(codeHash: Hash): Bytes | undefined {
    return this.#base.getCode(codeHash);
  }

  overlay(): WorldState {
    return new OverlayState(this);
  }

  accountAt(accountKey: string): Account | undefined {
    for (const layer of this.#later) {
      const before = layer.accounts.get(accountKey);
      if (before !== undefined) return before ?? undefined;
    }
    return this.#base.accountAt(accountKey);
  }

  slotAt(accountKey: string, slotKey: string): Hash | undefined {
    for (const layer of this.#later) {
      const before = layer.slots.get(accountKey)?.get(slotKey);
      if (before !== undefined) return before;
    }
    return this.#base.slotAt(accountKey, slotKey);
  }

  slotsAt(accountKey: string): ReadonlyMap<string, Hash> | undefined {
    const slots = new Map(this.#base.slotsAt(accountKey));
    // Newest first, so that the oldest value of a slot is the one that stays.
    for (const layer of this.#later.toReversed()) {
      for (const [slotKey, before] of layer.slots.get(accountKey) ?? []) slots.set(slotKey, before);
    }
    for (const [slotKey, value] of slots) if (isZeroBytes(value)) slots.delete(slotKey);
    return slots.size === 0 ? undefined : slots;
  }
}
