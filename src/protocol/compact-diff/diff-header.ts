import { type Bytes, compareBytes } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import { type ByteReader, invalidCompactDiff } from './byte-reader.ts';
import { MAX_COMPACT_CODES, MAX_COMPACT_KEYS, PARENT_DIGEST_BYTES } from './format.ts';
import { POST_DIGEST_BYTES } from './post-digest.ts';

/** Fewest bytes of a code, of a new account, of a new slot, of a listed account, of a listed slot. */
const MIN_CODE_BYTES = 2;
const MIN_NEW_ACCOUNT_BYTES = 21;
const MIN_NEW_SLOT_BYTES = 3;
const MIN_ACCOUNT_BYTES = 1;
const MIN_SLOT_BYTES = 2;

export interface DiffHeader {
  readonly number: number;
  /** The first bytes of it. */
  readonly parentDigest: Bytes;
  readonly accountBase: number;
  readonly slotBase: number;
  readonly codes: number;
  readonly newAccounts: number;
  readonly newSlots: number;
  /** Accounts of the state below whose own fields changed, and its slots that did. */
  readonly accounts: number;
  readonly slots: number;
}

/** Reads the header; its counts are such that the rest of the message can hold them. */
export function readDiffHeader(reader: ByteReader): DiffHeader {
  const header: DiffHeader = {
    number: reader.readVarint(),
    parentDigest: reader.readBytes(PARENT_DIGEST_BYTES),
    accountBase: reader.readVarint(),
    slotBase: reader.readVarint(),
    codes: reader.readVarint(),
    newAccounts: reader.readVarint(),
    newSlots: reader.readVarint(),
    accounts: reader.readVarint(),
    slots: reader.readVarint(),
  };
  const { codes, newAccounts, newSlots, accounts, slots } = header;
  if (codes > MAX_COMPACT_CODES || newAccounts + newSlots + accounts + slots > MAX_COMPACT_KEYS) {
    throw invalidCompactDiff('the message has too many entries');
  }
  const needed =
    codes * MIN_CODE_BYTES +
    newAccounts * MIN_NEW_ACCOUNT_BYTES +
    newSlots * MIN_NEW_SLOT_BYTES +
    accounts * MIN_ACCOUNT_BYTES +
    slots * MIN_SLOT_BYTES +
    POST_DIGEST_BYTES;
  if (needed > reader.remaining) throw invalidCompactDiff('the message is shorter than its counts');
  return header;
}

/** Copies of the codes, which outlive the message; by hash, each once, none empty. */
export function readCodes(reader: ByteReader, count: number): Bytes[] {
  const codes: Bytes[] = [];
  let previous: Bytes | undefined;
  for (let i = 0; i < count; i++) {
    const code = new Uint8Array(reader.readBytes(reader.readVarint()));
    if (code.length === 0) throw invalidCompactDiff('an empty code is listed');
    const hash = keccak256(code);
    if (previous !== undefined && compareBytes(previous, hash) >= 0) throw invalidCompactDiff('codes are not in ascending order');
    previous = hash;
    codes.push(code);
  }
  return codes;
}
