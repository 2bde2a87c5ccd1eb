import { rowDiffOf, stateDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { CommittedState, RegistryMark, StateEntry, StateView } from '../../src/protocol/ports/state.ts';
import type { SnapshotLoader, StateSnapshot } from '../../src/protocol/ports/state-snapshot.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import type { RowDiff, StateRows } from '../../src/protocol/row-diff.ts';
import { decodeStateDiff, encodeStateDiff, type SlotDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, fromKey, toKey } from '../../src/util/bytes.ts';
import { errorMessage, invariant, StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';
import { MapLoader, MapSnapshot } from './map-snapshot.ts';
import {
  ABSENT,
  applyAccount,
  assertApplicable,
  copyVersion,
  emptyVersion,
  type MapVersion,
  markOf,
  netDiff,
  notApplicable,
  register,
  slotKey,
} from './map-version.ts';
import { RowsOneByOne } from './rows-one-by-one.ts';

/**
 * Committed state as whole copies in maps, one for each mini-block: slow, and simple enough to be right at a glance. What
 * other implementations are compared with.
 */
export class MapState implements CommittedState {
  readonly rows: StateRows = new MapRows(() => this.#current);
  /** Oldest first; the first is the state at the floor. */
  #versions: MapVersion[] = [emptyVersion()];
  #number = -1;
  #floor = -1;

  get number(): number {
    return this.#number;
  }

  get floor(): number {
    return this.#floor;
  }

  get #current(): MapVersion {
    return defined(this.#versions.at(-1));
  }

  mark(): RegistryMark {
    return markOf(this.#current);
  }

  getAccount(address: Address): Account | undefined {
    return new MapView(this.#current).getAccount(address);
  }

  getStorage(address: Address, key: Hash): Hash {
    return new MapView(this.#current).getStorage(address, key);
  }

  getCode(codeHash: Hash): Bytes | undefined {
    return new MapView(this.#current).getCode(codeHash);
  }

  storageOf(address: Address): Iterable<SlotDiff> {
    return new MapView(this.#current).storageOf(address);
  }

  *entries(): Iterable<StateEntry> {
    for (const [key, account] of this.#current.accounts) {
      yield { address: fromKey(key), account, slots: this.storageOf(fromKey(key)) };
    }
  }

  apply(diff: StateDiff, number: number): void {
    invariant(number > this.#number, 'mini-blocks are applied in ascending order');
    const next = copyVersion(this.#current, number);
    const canonical = asCanonical(diff);
    for (const code of canonical.codes) if (!next.codes.has(toKey(keccak256(code)))) next.codes.set(toKey(keccak256(code)), code);
    for (const account of canonical.accounts) assertApplicable(account, next);
    register(next, canonical);
    for (const account of canonical.accounts) applyAccount(account, next);
    this.#versions.push(next);
    this.#number = number;
  }

  applyRows(diff: RowDiff, number: number): void {
    this.apply(canonicalOf(diff, this.rows), number);
  }

  rollback(number: number): void {
    if (number < this.#floor) throw new StrobeError('ROLLBACK_BELOW_FLOOR', 'old values do not reach back that far');
    if (number >= this.#number) return;
    this.#versions = this.#versions.filter((version) => version.number <= number);
    this.#number = number;
  }

  release(number: number): void {
    this.#floor = Math.max(this.#floor, Math.min(number, this.#number));
    const kept = this.#versions.findLastIndex((version) => version.number <= this.#floor);
    this.#versions.splice(0, kept);
  }

  netDiff(from: number, to: number): Bytes | undefined {
    const before = this.#versionAt(from);
    return before === undefined ? undefined : encodeStateDiff(netDiff(before, defined(this.#versionAt(to))));
  }

  at(number: number): StateView | undefined {
    const version = this.#versionAt(number);
    return version === undefined ? undefined : new MapView(version);
  }

  snapshot(number: number): StateSnapshot | undefined {
    const version = this.#versionAt(number);
    return version === undefined ? undefined : new MapSnapshot(number, version);
  }

  /** Fills this state, which is empty, from a snapshot. */
  loader(): SnapshotLoader {
    return new MapLoader((version, number) => {
      this.#versions = [version];
      this.#number = number;
      this.#floor = number;
    });
  }

  #versionAt(number: number): MapVersion | undefined {
    if (number < this.#floor || number > this.#number) return undefined;
    return this.#versions.findLast((version) => version.number <= number);
  }
}

class MapView implements StateView {
  readonly #version: MapVersion;

  constructor(version: MapVersion) {
    this.#version = version;
  }

  getAccount(address: Address): Account | undefined {
    return this.#version.accounts.get(toKey(address));
  }

  getStorage(address: Address, key: Hash): Hash {
    return this.#version.storage.get(toKey(address))?.get(toKey(key)) ?? ZERO_HASH;
  }

  getCode(codeHash: Hash): Bytes | undefined {
    return this.#version.codes.get(toKey(codeHash));
  }

  storageOf(address: Address): Iterable<SlotDiff> {
    const slots = this.#version.storage.get(toKey(address)) ?? new Map<string, Hash>();
    return [...slots].map(([key, value]) => ({ key: fromKey(key), value }));
  }
}

class MapRows extends RowsOneByOne {
  readonly #version: () => MapVersion;

  constructor(version: () => MapVersion) {
    super();
    this.#version = version;
  }

  get accountCount(): number {
    return this.#version().accountRows.size;
  }

  get slotCount(): number {
    return this.#version().slotRows.size;
  }

  accountRow(address: Bytes): number {
    return this.#version().accountRows.get(toKey(address)) ?? -1;
  }

  slotRow(accountRow: number, key: Bytes): number {
    return this.#version().slotRows.get(slotKey(accountRow, key)) ?? -1;
  }

  readAddress(accountRow: number, target: Bytes, offset: number): void {
    target.set(this.#address(accountRow), offset);
  }

  nonceOf(accountRow: number): bigint {
    return this.#account(accountRow).nonce;
  }

  readBalance(accountRow: number, target: Bytes, offset: number): void {
    target.set(bigIntToBytes32(this.#account(accountRow).balance).reverse(), offset);
  }

  slotAccount(slotRow: number): number {
    return Number.parseInt(this.#slot(slotRow).slice(0, 16), 16);
  }

  readSlotKey(slotRow: number, target: Bytes, offset: number): void {
    target.set(fromKey(this.#slot(slotRow).slice(16)), offset);
  }

  readSlotValue(slotRow: number, target: Bytes, offset: number): void {
    const address = toKey(this.#address(this.slotAccount(slotRow)));
    const value = this.#version().storage.get(address)?.get(this.#slot(slotRow).slice(16)) ?? ZERO_HASH;
    target.set(new Uint8Array(value).reverse(), offset);
  }

  #address(accountRow: number): Bytes {
    return fromKey(defined([...this.#version().accountRows.keys()][accountRow]));
  }

  #account(accountRow: number): Account {
    return this.#version().accounts.get(toKey(this.#address(accountRow))) ?? ABSENT;
  }

  #slot(slotRow: number): string {
    return defined([...this.#version().slotRows.keys()][slotRow]);
  }
}

/** A copy of a diff, which is refused unless it is canonical. */
function asCanonical(diff: StateDiff): StateDiff {
  try {
    return decodeStateDiff(encodeStateDiff(diff));
  } catch (error) {
    throw notApplicable(errorMessage(error));
  }
}

/** The canonical diff that columns say, which have to be those made of it. */
function canonicalOf(diff: RowDiff, rows: StateRows): StateDiff {
  const accounts = diff.accountBase + diff.newAddresses.length / 20;
  const slots = diff.slotBase + diff.newSlotAccounts.length;
  const isInRange =
    diff.accountBase === rows.accountCount &&
    diff.slotBase === rows.slotCount &&
    [...diff.accountRows, ...diff.newSlotAccounts].every((row) => row < accounts) &&
    diff.slotRows.every((row) => row < slots);
  if (!isInRange) throw notApplicable('rows are out of range');
  const canonical = asCanonical(stateDiffOf(diff, rows));
  const again = rowDiffOf(canonical, rows);
  const isSame =
    bytesEqual(again.newAddresses, diff.newAddresses) &&
    `${again.newSlotAccounts}` === `${diff.newSlotAccounts}` &&
    bytesEqual(again.newSlotKeys, diff.newSlotKeys) &&
    `${again.accountRows}` === `${diff.accountRows}` &&
    bytesEqual(again.accountFlags, diff.accountFlags) &&
    `${again.slotRows}` === `${diff.slotRows}` &&
    bytesEqual(again.slotValues, diff.slotValues);
  if (!isSame) throw notApplicable('the columns are not those of its canonical form');
  return canonical;
}
