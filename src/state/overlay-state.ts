import type { StateAccess, StateReader, StateView, WorldState } from '../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { type AccountDiff, createStateDiff, isEmptyAccount, type SlotDiff, type StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, fromKey, isZeroBytes, toKey } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { AccessRecorder } from './access-recorder.ts';

/**
 * Taken diffs that may wait for their release. A mini-block is durable within milliseconds; hundreds waiting mean that
 * the log stands still, and every read would walk through them all.
 */
export const MAX_UNRELEASED_DIFFS = 256;

/** Writes of one mini-block. A null account is deleted; a zero slot is cleared. */
interface Layer {
  readonly accounts: Map<string, Account | null>;
  readonly storage: Map<string, Map<string, Hash>>;
  readonly codes: Map<string, Bytes>;
}

/** A slot as the base wants it. */
interface SlotBytes {
  readonly address: Address;
  readonly key: Hash;
}

/** What undoes one map write; an undefined `previous` means that the map had no such key. */
interface UndoEntry {
  readonly map: Map<string, unknown>;
  readonly key: string;
  readonly previous: unknown;
}

/**
 * Journalled writes over committed state. Reads go through the current layer, then the taken but not yet released
 * layers from newest to oldest, then the state below.
 *
 * Accounts and byte arrays are kept and given out by reference: neither side may change them afterwards.
 */
export class OverlayState implements WorldState {
  readonly #base: StateView;
  readonly #access = new AccessRecorder();
  /** Oldest first. */
  readonly #taken: Layer[] = [];
  #current: Layer = emptyLayer();
  /** Values at the start of the transaction of the slots it wrote. */
  #originals = new Map<string, Map<string, Hash>>();
  readonly #undoLog: UndoEntry[] = [];
  /** Length of the undo log at each open checkpoint. */
  readonly #checkpoints: number[] = [];

  constructor(base: StateView) {
    this.#base = base;
  }

  getAccount(address: Address): Account | undefined {
    const key = toKey(address);
    const account = this.#account(key, address);
    if (!this.#access.hasAccount(key)) this.#access.addAccount(key, address);
    return account;
  }

  getStorage(address: Address, key: Hash): Hash {
    const accountKey = toKey(address);
    const slotKey = toKey(key);
    this.#touchSlot(accountKey, address, slotKey, key);
    return this.#slot(accountKey, slotKey, { address, key });
  }

  getOriginalStorage(address: Address, key: Hash): Hash {
    const accountKey = toKey(address);
    const slotKey = toKey(key);
    this.#touchSlot(accountKey, address, slotKey, key);
    return this.#originals.get(accountKey)?.get(slotKey) ?? this.#slot(accountKey, slotKey, { address, key });
  }

  getCode(codeHash: Hash): Bytes | undefined {
    const key = toKey(codeHash);
    const code = this.#current.codes.get(key) ?? this.#codeBelow(key, codeHash);
    this.#access.touchCode(key, code?.length ?? 0);
    return code;
  }

  /**
   * True when a slot of the account is not zero. Creating a contract at such an address fails (EIP-7610); only a
   * genesis file can hold one.
   */
  hasStorage(address: Address): boolean {
    const key = toKey(address);
    for (const slotKey of this.#slotKeys(key)) {
      if (!isZeroBytes(this.#slot(key, slotKey))) return true;
    }
    return false;
  }

  setAccount(address: Address, account: Account): void {
    const key = toKey(address);
    this.#touchAccount(key, address);
    this.#write(this.#current.accounts, key, account);
  }

  deleteAccount(address: Address): void {
    const key = toKey(address);
    this.#touchAccount(key, address);
    this.#clearSlots(key);
    if (this.#account(key) !== undefined) this.#write(this.#current.accounts, key, null);
  }

  setStorage(address: Address, key: Hash, value: Hash): void {
    const accountKey = toKey(address);
    const slotKey = toKey(key);
    this.#touchSlot(accountKey, address, slotKey, key);
    this.#writeSlot(accountKey, slotKey, value);
  }

  clearStorage(address: Address): void {
    const key = toKey(address);
    this.#touchAccount(key, address);
    this.#clearSlots(key);
  }

  putCode(code: Bytes): Hash {
    if (code.length === 0) return EMPTY_CODE_HASH;
    const hash = keccak256(code);
    const key = toKey(hash);
    // Not journalled: a diff carries only codes that an account refers to in the end.
    if (!this.#current.codes.has(key) && this.#codeBelow(key, hash) === undefined) this.#current.codes.set(key, code);
    return hash;
  }

  beginTransaction(): void {
    if (this.#originals.size > 0) this.#originals = new Map();
  }

  checkpoint(): void {
    this.#checkpoints.push(this.#undoLog.length);
  }

  commit(): void {
    this.#popCheckpoint();
    if (this.#checkpoints.length === 0) this.#undoLog.length = 0;
  }

  revert(): void {
    const length = this.#popCheckpoint();
    while (this.#undoLog.length > length) {
      const { map, key, previous } = this.#undoLog.pop() as UndoEntry;
      if (previous === undefined) map.delete(key);
      else map.set(key, previous);
    }
  }

  /** @throws StrobeError TOO_MANY_UNRELEASED_DIFFS */
  takeDiff(): StateDiff {
    invariant(this.#checkpoints.length === 0, 'a diff is taken between transactions');
    if (this.#taken.length >= MAX_UNRELEASED_DIFFS) {
      throw new StrobeError('TOO_MANY_UNRELEASED_DIFFS', 'taken diffs are not being released', {
        unreleased: this.#taken.length,
      });
    }
    const accounts: AccountDiff[] = [];
    const codes = new Map<string, Bytes>();
    const { accounts: written, storage } = this.#current;
    for (const key of new Set([...written.keys(), ...storage.keys()])) {
      const account = this.#diffAccount(key, codes);
      if (account !== undefined) accounts.push(account);
    }
    // Codes that nothing refers to are forgotten: whoever deploys them later brings them again.
    this.#taken.push({ ...this.#current, codes });
    this.#current = emptyLayer();
    this.#originals = new Map();
    return createStateDiff(accounts, [...codes.values()]);
  }

  release(): void {
    const oldest = this.#taken.shift();
    invariant(oldest !== undefined, 'each release belongs to one taken diff');
  }

  get witnessBytes(): number {
    return this.#access.witnessBytes;
  }

  takeAccess(): StateAccess {
    return this.#access.take();
  }

  observer(): StateReader {
    return {
      getAccount: (address) => this.#account(toKey(address), address),
      getStorage: (address, key) => this.#slot(toKey(address), toKey(key), { address, key }),
      getCode: (codeHash) => {
        const key = toKey(codeHash);
        return this.#current.codes.get(key) ?? this.#codeBelow(key, codeHash);
      },
    };
  }

  /** Net change of one account of the current layer; adds the new codes it refers to. */
  #diffAccount(key: string, codes: Map<string, Bytes>): AccountDiff | undefined {
    const before = this.#accountBelow(key);
    const after = this.#account(key);
    const address = fromKey(key);
    const slots = this.#diffSlots(key);
    // Writes that were reverted leave an empty map of slots behind, and no touch in the sense of EIP-161.
    if (slots.length === 0 && !this.#current.accounts.has(key)) return undefined;
    if (after === undefined || isEmptyAccount(after)) {
      this.#clearSlots(key);
      this.#current.accounts.set(key, null);
      return before === undefined ? undefined : { address, deleted: true };
    }
    const codeChanged = !bytesEqual(after.codeHash, before?.codeHash ?? EMPTY_CODE_HASH);
    const diff: AccountDiff = {
      address,
      ...(after.nonce !== (before?.nonce ?? 0n) && { nonce: after.nonce }),
      ...(after.balance !== (before?.balance ?? 0n) && { balance: after.balance }),
      ...(codeChanged && { codeHash: after.codeHash }),
      ...(slots.length > 0 && { slots }),
    };
    if (codeChanged) {
      const codeKey = toKey(after.codeHash);
      const code = this.#current.codes.get(codeKey);
      if (code !== undefined) codes.set(codeKey, code);
    }
    return Object.keys(diff).length === 1 ? undefined : diff;
  }

  #diffSlots(accountKey: string): SlotDiff[] {
    const written = this.#current.storage.get(accountKey);
    if (written === undefined) return [];
    const changed = [...written].filter(([slotKey, value]) => !bytesEqual(value, this.#slotBelow(accountKey, slotKey)));
    changed.sort(([a], [b]) => (a < b ? -1 : 1));
    return changed.map(([slotKey, value]) => ({ key: fromKey(slotKey), value }));
  }

  /** The bytes that `key` is the hex of are given where they are at hand. */
  #account(key: string, address?: Address): Account | undefined {
    const own = this.#current.accounts.get(key);
    return own === undefined ? this.#accountBelow(key, address) : (own ?? undefined);
  }

  #accountBelow(key: string, address?: Address): Account | undefined {
    for (let i = this.#taken.length - 1; i >= 0; i--) {
      const account = (this.#taken[i] as Layer).accounts.get(key);
      if (account !== undefined) return account ?? undefined;
    }
    return this.#base.getAccount(address ?? fromKey(key));
  }

  #slot(accountKey: string, slotKey: string, bytes?: SlotBytes): Hash {
    return this.#current.storage.get(accountKey)?.get(slotKey) ?? this.#slotBelow(accountKey, slotKey, bytes);
  }

  #slotBelow(accountKey: string, slotKey: string, bytes?: SlotBytes): Hash {
    for (let i = this.#taken.length - 1; i >= 0; i--) {
      const value = (this.#taken[i] as Layer).storage.get(accountKey)?.get(slotKey);
      if (value !== undefined) return value;
    }
    const { address, key } = bytes ?? { address: fromKey(accountKey), key: fromKey(slotKey) };
    return this.#base.getStorage(address, key);
  }

  #codeBelow(key: string, codeHash: Hash): Bytes | undefined {
    for (let i = this.#taken.length - 1; i >= 0; i--) {
      const code = (this.#taken[i] as Layer).codes.get(key);
      if (code !== undefined) return code;
    }
    return this.#base.getCode(codeHash);
  }

  /** Every slot key of the account that some layer or the base holds, cleared ones included. */
  #slotKeys(accountKey: string): Iterable<string> {
    const keys = new Set<string>();
    for (const { key } of this.#base.storageOf(fromKey(accountKey))) keys.add(toKey(key));
    for (const { storage } of [...this.#taken, this.#current]) {
      for (const slotKey of storage.get(accountKey)?.keys() ?? []) keys.add(slotKey);
    }
    return keys;
  }

  /**
   * Clears slot by slot, so that every other rule (journal, original values, net effect) holds for cleared storage too.
   * The work is bounded by what one transaction wrote: since EIP-6780 only an account it created can be cleared.
   */
  #clearSlots(accountKey: string): void {
    for (const slotKey of this.#slotKeys(accountKey)) {
      if (!isZeroBytes(this.#slot(accountKey, slotKey))) this.#writeSlot(accountKey, slotKey, ZERO_HASH);
    }
  }

  #writeSlot(accountKey: string, slotKey: string, value: Hash): void {
    const originals = innerMap(this.#originals, accountKey);
    if (!originals.has(slotKey)) originals.set(slotKey, this.#slot(accountKey, slotKey));

    this.#write(innerMap(this.#current.storage, accountKey), slotKey, value);
  }

  #write<Value>(map: Map<string, Value>, key: string, value: Value): void {
    if (this.#checkpoints.length > 0) {
      this.#undoLog.push({ map: map as Map<string, unknown>, key, previous: map.get(key) });
    }
    map.set(key, value);
  }

  #popCheckpoint(): number {
    const length = this.#checkpoints.pop();
    invariant(length !== undefined, 'commit and revert belong to an open checkpoint');
    return length;
  }

  #touchAccount(key: string, address: Address): void {
    if (!this.#access.hasAccount(key)) this.#access.addAccount(key, address);
  }

  #touchSlot(accountKey: string, address: Address, slotKey: string, key: Hash): void {
    this.#touchAccount(accountKey, address);
    this.#access.touchSlot(accountKey, slotKey, key);
  }
}

function emptyLayer(): Layer {
  return { accounts: new Map(), storage: new Map(), codes: new Map() };
}

/** The map under `key`, made if there is none. */
function innerMap<Value>(maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, Value>();
  maps.set(key, made);
  return made;
}
