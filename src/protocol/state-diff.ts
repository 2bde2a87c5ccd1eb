import { type Bytes, bytesEqual, compareBytes, isZeroBytes, padTo32, trimLeadingZeros } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { type Address, EMPTY_CODE_HASH, type Hash } from './primitives.ts';
import { asBigInt, asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from './rlp.ts';

/** A storage write; 32-byte key and value, a zero value clears the slot. */
export interface SlotDiff {
  readonly key: Hash;
  readonly value: Hash;
}

/** Net changes of one account: absent fields did not change. */
export interface AccountDiff {
  readonly address: Address;
  /** The account is gone with its storage; no other field is set. */
  readonly deleted?: true;
  readonly nonce?: bigint;
  readonly balance?: bigint;
  /** The empty-code hash when an EIP-7702 delegation was removed. */
  readonly codeHash?: Hash;
  /** Sorted by key, each key once. */
  readonly slots?: readonly SlotDiff[];
}

/** Net effect of a mini-block or block (PROTOCOL section 3), sorted: one diff has one encoding. */
export interface StateDiff {
  readonly accounts: readonly AccountDiff[];
  /** New code by its hash, sorted by hash. */
  readonly codes: readonly Bytes[];
}

export const EMPTY_STATE_DIFF: StateDiff = { accounts: [], codes: [] };

const FLAG_NONCE = 1;
const FLAG_BALANCE = 2;
const FLAG_CODE = 4;
const FLAG_DELETED = 8;
const FLAG_SLOTS = 32;
const KNOWN_FLAGS = FLAG_NONCE | FLAG_BALANCE | FLAG_CODE | FLAG_DELETED | FLAG_SLOTS;

/** The canonical bytes: what is hashed and attested. */
export function encodeStateDiff(diff: StateDiff): Bytes {
  return encodeRlp([diff.accounts.map(encodeAccount), diff.codes]);
}

/** keccak256 of the canonical bytes. */
export function stateDiffDigest(diff: StateDiff): Hash {
  return keccak256(encodeStateDiff(diff));
}

function encodeAccount(account: AccountDiff): RlpItem {
  const fields: RlpItem[] = [];
  let flags = 0;
  if (account.nonce !== undefined) {
    flags |= FLAG_NONCE;
    fields.push(fromNumber(account.nonce));
  }
  if (account.balance !== undefined) {
    flags |= FLAG_BALANCE;
    fields.push(fromNumber(account.balance));
  }
  if (account.codeHash !== undefined) {
    flags |= FLAG_CODE;
    fields.push(account.codeHash);
  }
  if (account.deleted) flags |= FLAG_DELETED;
  if (account.slots !== undefined) {
    flags |= FLAG_SLOTS;
    fields.push(account.slots.map((slot) => [slot.key, trimLeadingZeros(slot.value)]));
  }
  return [account.address, fromNumber(flags), ...fields];
}

/**
 * Decodes canonical bytes; any other encoding of the same diff is refused.
 * @throws StrobeError INVALID_RLP, INVALID_STATE_DIFF
 */
export function decodeStateDiff(bytes: Bytes): StateDiff {
  const [accountItems, codeItems] = asList(decodeRlp(bytes), 'state diff', 2);
  const accounts = asList(accountItems, 'accounts').map(decodeAccount);
  assertAscending(accounts, (account) => account.address, 'accounts');
  const codes = asList(codeItems, 'codes').map((item) => asBytes(item, 'code'));
  if (codes.some((code) => code.length === 0)) throw invalid('an empty code is listed');
  assertAscending(codes, keccak256, 'codes');
  return { accounts, codes };
}

function decodeAccount(item: RlpItem): AccountDiff {
  const fields = asList(item, 'account');
  const address = asBytes(fields[0], 'address', 20);
  const flags = asNumber(fields[1], 'flags');
  if (flags === 0 || (flags & ~KNOWN_FLAGS) !== 0) throw invalid('unknown or missing account flags');
  if ((flags & FLAG_DELETED) !== 0) {
    if (flags !== FLAG_DELETED || fields.length !== 2) throw invalid('a deleted account carries fields');
    return { address, deleted: true };
  }
  const account: { -readonly [K in keyof AccountDiff]: AccountDiff[K] } = { address };
  let next = 2;
  if ((flags & FLAG_NONCE) !== 0) account.nonce = asBigInt(fields[next++], 'nonce', 8);
  if ((flags & FLAG_BALANCE) !== 0) account.balance = asBigInt(fields[next++], 'balance');
  if ((flags & FLAG_CODE) !== 0) account.codeHash = asBytes(fields[next++], 'codeHash', 32);
  if ((flags & FLAG_SLOTS) !== 0) account.slots = decodeSlots(fields[next++]);
  if (next !== fields.length) throw invalid('an account has more fields than its flags');
  return account;
}

function decodeSlots(item: RlpItem | undefined): SlotDiff[] {
  const slots = asList(item, 'slots').map((entry): SlotDiff => {
    const [key, value] = asList(entry, 'slot', 2);
    const trimmed = asBytes(value, 'slot value');
    if (trimmed.length > 32 || trimmed[0] === 0) throw invalid('a slot value is not canonical');
    return { key: asBytes(key, 'slot key', 32), value: padTo32(trimmed) };
  });
  if (slots.length === 0) throw invalid('an empty slot list is flagged');
  assertAscending(slots, (slot) => slot.key, 'slots');
  return slots;
}

function assertAscending<T>(items: readonly T[], keyOf: (item: T) => Bytes, name: string): void {
  let previous: Bytes | undefined;
  for (const item of items) {
    const key = keyOf(item);
    if (previous !== undefined && compareBytes(previous, key) >= 0) throw invalid(`${name} are not in ascending order`);
    previous = key;
  }
}

function invalid(message: string): StrobeError<'INVALID_STATE_DIFF'> {
  return new StrobeError('INVALID_STATE_DIFF', message);
}

/** Sorts collected changes into the canonical order. */
export function createStateDiff(accounts: readonly AccountDiff[], codes: readonly Bytes[]): StateDiff {
  const codesByHash = codes.map((code) => ({ code, hash: keccak256(code) }));
  return {
    accounts: [...accounts].sort((a, b) => compareBytes(a.address, b.address)),
    codes: codesByHash.sort((a, b) => compareBytes(a.hash, b.hash)).map((entry) => entry.code),
  };
}

export function sortSlots(slots: readonly SlotDiff[]): SlotDiff[] {
  return [...slots].sort((a, b) => compareBytes(a.key, b.key));
}

/** True when the account exists no more in the sense of EIP-161. */
export function isEmptyAccount(account: { nonce: bigint; balance: bigint; codeHash: Hash }): boolean {
  return account.nonce === 0n && account.balance === 0n && bytesEqual(account.codeHash, EMPTY_CODE_HASH);
}

/** Number of state keys a diff writes: accounts and slots. */
export function countDiffKeys(diff: StateDiff): number {
  return diff.accounts.reduce((keys, account) => keys + 1 + (account.slots?.length ?? 0), 0);
}

/** True when a slot write clears the slot. */
export function isClearedSlot(slot: SlotDiff): boolean {
  return isZeroBytes(slot.value);
}
