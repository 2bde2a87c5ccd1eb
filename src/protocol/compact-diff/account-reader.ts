import type { Bytes } from '../../util/bytes.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type StateRows } from '../row-diff.ts';
import { type ByteReader, invalidCompactDiff } from './byte-reader.ts';
import type { DiffHeader } from './diff-header.ts';
import { ACCOUNT_DETAILED, ACCOUNT_MODES, ACCOUNT_SAME_NONCE } from './format.ts';
import { Scratch } from './scratch.ts';
import { WORD_BYTES } from './words.ts';

const modeScratch = new Scratch();

/** By mode, for those that are steps: conversions would make an object each. */
const STEPS = Array.from({ length: ACCOUNT_MODES }, (_, mode) => BigInt(mode));

const KNOWN_FLAGS = ROW_NONCE | ROW_BALANCE | ROW_CODE | ROW_DELETED;

/** Accounts of a message in ascending order of rows, the new ones last; balances come later in the message. */
export interface AccountColumns {
  readonly rows: Uint32Array;
  readonly flags: Uint8Array;
  readonly nonces: BigUint64Array;
  /** By index; few accounts have one. */
  readonly codeHashes: Map<number, Bytes>;
}

/** Inverse of the AccountWriter. */
export function readAccounts(reader: ByteReader, header: DiffHeader, state: StateRows): AccountColumns {
  const count = header.accounts + header.newAccounts;
  const columns: AccountColumns = {
    rows: new Uint32Array(count),
    flags: new Uint8Array(count),
    nonces: new BigUint64Array(count),
    codeHashes: new Map(),
  };
  const { rows, flags, nonces, codeHashes } = columns;
  const modes = modeScratch.bytes(header.accounts);
  readRows(reader, header, rows, modes);
  state.readNonces(rows.subarray(0, header.accounts), nonces);
  const detailed = takeModes(modes, columns);
  for (let i = header.accounts; i < count; i++) {
    rows[i] = header.accountBase + i - header.accounts;
    detailed.push(i);
  }
  for (const index of detailed) flags[index] = readFlags(reader, index < header.accounts);
  for (const index of detailed) {
    const before = nonces[index] as bigint;
    // A store takes it modulo 2^64.
    nonces[index] = ((flags[index] as number) & ROW_NONCE) === 0 ? 0n : before + readStep(reader);
  }
  for (const index of detailed) {
    if (((flags[index] as number) & ROW_CODE) !== 0) codeHashes.set(index, reader.readBytes(WORD_BYTES));
  }
  return columns;
}

/** Rows of the state's own accounts, and their modes. */
function readRows(reader: ByteReader, header: DiffHeader, rows: Uint32Array, modes: Bytes): void {
  let next = 0;
  for (let i = 0; i < header.accounts; i++) {
    const entry = reader.readVarint();
    const mode = entry % ACCOUNT_MODES;
    const row = next + (entry - mode) / ACCOUNT_MODES;
    if (row >= header.accountBase) throw invalidCompactDiff('an account has no row');
    rows[i] = row;
    modes[i] = mode;
    next = row + 1;
  }
}

/** Turns the nonces from those before to those after; returns the indices of accounts that have details instead. */
function takeModes(modes: Bytes, { flags, nonces }: AccountColumns): number[] {
  const detailed: number[] = [];
  for (let i = 0; i < modes.length; i++) {
    const mode = modes[i] as number;
    if (mode === ACCOUNT_DETAILED) {
      detailed.push(i);
    } else if (mode === ACCOUNT_SAME_NONCE) {
      flags[i] = ROW_BALANCE;
      nonces[i] = 0n;
    } else {
      flags[i] = ROW_BALANCE | ROW_NONCE;
      nonces[i] = BigInt.asUintN(64, (nonces[i] as bigint) + (STEPS[mode] as bigint));
    }
  }
  return detailed;
}

function readFlags(reader: ByteReader, known: boolean): number {
  const flags = reader.readByte();
  if ((flags & ~KNOWN_FLAGS) !== 0) throw invalidCompactDiff('an account has unknown flags');
  if ((flags & ROW_DELETED) !== 0 && flags !== ROW_DELETED) throw invalidCompactDiff('a deleted account carries fields');
  if (known ? flags === 0 : flags === ROW_DELETED) throw invalidCompactDiff('an account is listed without a change');
  return flags;
}

/** A nonce's difference: zigzag, not zero. */
function readStep(reader: ByteReader): bigint {
  const zigzag = reader.readBigVarint();
  if (zigzag === 0n) throw invalidCompactDiff('a nonce is the same as before');
  return (zigzag & 1n) === 0n ? zigzag / 2n : -(zigzag / 2n) - 1n;
}
