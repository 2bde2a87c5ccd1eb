import type { RegistryMark } from '../../src/protocol/ports/state.ts';
import { type Account, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, isEmptyAccount, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import {
  type Bytes,
  bigIntToBytes32,
  bytesEqual,
  concatBytes,
  fromKey,
  isZeroBytes,
  toHex,
  toKey,
} from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';

export const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };

/** All of the state at the end of one mini-block; never changed once it is there. Keys are hex without prefix. */
export interface MapVersion {
  readonly number: number;
  readonly accounts: Map<string, Account>;
  /** Slots that are not zero, by account. */
  readonly storage: Map<string, Map<string, Hash>>;
  readonly codes: Map<string, Bytes>;
  /** Row numbers by address, and by account row (8 bytes) and slot key; in the order of the rows. */
  readonly accountRows: Map<string, number>;
  readonly slotRows: Map<string, number>;
  /** Keys of both in the order of their commits, which the registry's digest goes over. */
  readonly commitOrder: string[];
  digest: Hash;
}

export function emptyVersion(): MapVersion {
  return {
    number: -1,
    accounts: new Map(),
    storage: new Map(),
    codes: new Map(),
    accountRows: new Map(),
    slotRows: new Map(),
    commitOrder: [],
    digest: ZERO_HASH,
  };
}

export function copyVersion(version: MapVersion, number: number): MapVersion {
  return {
    number,
    accounts: new Map(version.accounts),
    storage: new Map([...version.storage].map(([key, slots]) => [key, new Map(slots)])),
    codes: new Map(version.codes),
    accountRows: new Map(version.accountRows),
    slotRows: new Map(version.slotRows),
    commitOrder: [...version.commitOrder],
    digest: version.digest,
  };
}

export function markOf({ accountRows, slotRows, digest }: MapVersion): RegistryMark {
  return { accounts: accountRows.size, slots: slotRows.size, digest };
}

export function assertApplicable(diff: AccountDiff, { accounts, codes }: MapVersion): void {
  const before = accounts.get(toKey(diff.address));
  if (diff.deleted) {
    if (before === undefined) throw notApplicable(`${toHex(diff.address)} does not exist`);
    return;
  }
  if (isEmptyAccount(mergeAccount(before, diff))) throw notApplicable(`${toHex(diff.address)} does not exist, or ends empty`);
  if (diff.codeHash === undefined || bytesEqual(diff.codeHash, EMPTY_CODE_HASH)) return;
  if (!codes.has(toKey(diff.codeHash))) throw notApplicable(`the code of ${toHex(diff.address)} is not known`);
}

export function applyAccount(diff: AccountDiff, { accounts, storage }: MapVersion): void {
  const key = toKey(diff.address);
  if (diff.deleted) {
    accounts.delete(key);
    storage.delete(key);
    return;
  }
  accounts.set(key, mergeAccount(accounts.get(key), diff));
  const slots = storage.get(key) ?? new Map<string, Hash>();
  storage.set(key, slots);
  for (const slot of diff.slots ?? []) {
    if (isZeroBytes(slot.value)) slots.delete(toKey(slot.key));
    else slots.set(toKey(slot.key), new Uint8Array(slot.value));
  }
}

function mergeAccount(before: Account = ABSENT, diff: AccountDiff): Account {
  return {
    nonce: diff.nonce ?? before.nonce,
    balance: diff.balance ?? before.balance,
    codeHash: new Uint8Array(diff.codeHash ?? before.codeHash),
  };
}

/** Gives rows to what a mini-block changes first: accounts by address, then slots by account row and key. */
export function register(version: MapVersion, diff: StateDiff): void {
  for (const { address } of diff.accounts) {
    if (!version.accountRows.has(toKey(address))) registerRow(version, toKey(address));
  }
  const written = diff.accounts.flatMap(({ address, slots }) =>
    (slots ?? []).map((slot) => slotKey(defined(version.accountRows.get(toKey(address))), slot.key)),
  );
  for (const key of written.sort()) if (!version.slotRows.has(key)) registerRow(version, key);
}

/** Gives the next row to the key of an account or of a slot, which is longer. */
export function registerRow(version: MapVersion, key: string): void {
  const isSlot = key.length > 40;
  const rows = isSlot ? version.slotRows : version.accountRows;
  version.digest = keccak256(concatBytes(version.digest, Uint8Array.of(isSlot ? 1 : 0), uint64(rows.size), fromKey(key)));
  version.commitOrder.push(key);
  rows.set(key, rows.size);
}

export function slotKey(accountRow: number, key: Hash): string {
  return toKey(concatBytes(uint64(accountRow), key));
}

function uint64(value: number): Bytes {
  return bigIntToBytes32(BigInt(value)).subarray(24);
}

export function netDiff(before: MapVersion, after: MapVersion): StateDiff {
  const keys = new Set([...before.accounts.keys(), ...after.accounts.keys()]);
  const accounts = [...keys].map((key) => netAccount(key, before, after)).filter((diff) => diff !== undefined);
  const codes = [...after.codes].filter(([key]) => !before.codes.has(key)).map(([, code]) => code);
  return createStateDiff(accounts, codes);
}

function netAccount(key: string, before: MapVersion, after: MapVersion): AccountDiff | undefined {
  const address = fromKey(key);
  const account = after.accounts.get(key);
  if (account === undefined) return { address, deleted: true };
  const old = before.accounts.get(key) ?? ABSENT;
  const [oldSlots, slots] = [before, after].map((version) => version.storage.get(key) ?? new Map<string, Hash>()) as [
    Map<string, Hash>,
    Map<string, Hash>,
  ];
  const changed = [...new Set([...oldSlots.keys(), ...slots.keys()])]
    .map((slot) => ({ key: fromKey(slot), before: oldSlots.get(slot) ?? ZERO_HASH, value: slots.get(slot) ?? ZERO_HASH }))
    .filter((slot) => !bytesEqual(slot.before, slot.value))
    .map(({ key: slot, value }) => ({ key: slot, value }));
  const diff: AccountDiff = {
    address,
    ...(account.nonce !== old.nonce && { nonce: account.nonce }),
    ...(account.balance !== old.balance && { balance: account.balance }),
    ...(!bytesEqual(account.codeHash, old.codeHash) && { codeHash: account.codeHash }),
    ...(changed.length > 0 && { slots: sortSlots(changed) }),
  };
  return Object.keys(diff).length === 1 ? undefined : diff;
}

export function notApplicable(reason: string): StrobeError {
  return new StrobeError('STATE_DIFF_NOT_APPLICABLE', `state diff: ${reason}`);
}
