import type { SeededRandom } from '../../src/bench/seeded-random.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import type { StateRows } from '../../src/protocol/row-diff.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, bytesToBigInt, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

const WORD_RANGE = 2n ** 256n;
const NONCE_RANGE = 2n ** 64n;

/**
 * A diff with a net effect on the state of `rows`: of accounts and slots that it knows and of new ones, with deletions,
 * codes, cleared slots, and values that are near the old ones, round, repeated, huge, or that wrap around.
 */
export function randomStateDiff(rows: StateRows, random: SeededRandom, maxAccounts = 8): StateDiff {
  const magnitudes = [1n, 10n ** 18n, 2n ** 255n, 2n ** 240n, 2n ** 240n - 1n, randomWord(random), randomWord(random) >> 190n];
  const codes = Array.from({ length: random.below(3) }, () => random.bytes(1 + random.below(80)));
  const accounts: AccountDiff[] = [];
  const addresses = new Map<string, Bytes>();
  for (let i = random.below(maxAccounts + 1); i > 0; i--) {
    const address = smallAddress(random);
    addresses.set(toKey(address), address);
  }
  for (const address of addresses.values()) accounts.push(randomAccount(address, rows, random, magnitudes, codes));
  return createStateDiff(accounts, [...new Map(codes.map((code) => [toKey(code), code])).values()]);
}

function smallAddress(random: SeededRandom): Bytes {
  const address = new Uint8Array(20).fill(random.below(3));
  address[random.below(2) * 19] = random.below(40);
  return address;
}

function randomAccount(
  address: Bytes,
  rows: StateRows,
  random: SeededRandom,
  magnitudes: readonly bigint[],
  codes: readonly Bytes[],
): AccountDiff {
  const row = rows.accountRow(address);
  if (row >= 0 && random.below(8) === 0) return { address, deleted: true };
  const nonceBefore = row < 0 ? 0n : rows.nonceOf(row);
  const word = new Uint8Array(32);
  if (row >= 0) rows.readBalance(row, word, 0);
  const slots = random.below(2) === 0 ? [] : randomSlots(row, rows, random, magnitudes);
  const code = codes[random.below(4)];
  const fields = {
    ...(random.below(2) === 0 && { nonce: changedNonce(nonceBefore, random) }),
    ...(random.below(3) > 0 && { balance: changedValue(fromWord(word), random, magnitudes) }),
    ...(random.below(5) === 0 && { codeHash: code === undefined ? EMPTY_CODE_HASH : keccak256(code) }),
    ...(slots.length > 0 && { slots }),
  };
  return Object.keys(fields).length > 0
    ? { address, ...fields }
    : { address, balance: changedValue(fromWord(word), random, magnitudes) };
}

function randomSlots(row: number, rows: StateRows, random: SeededRandom, magnitudes: readonly bigint[]): SlotDiff[] {
  const slots = new Map<string, SlotDiff>();
  const base = keccak256(Uint8Array.of(random.below(3)));
  const range = random.below(6) === 0 ? 300 : 8;
  for (let i = random.below(range); i >= 0; i--) {
    const offset = BigInt(random.below(range));
    const kind = random.below(3);
    const key =
      kind === 0
        ? bigIntToBytes32(offset)
        : kind === 1
          ? bigIntToBytes32((bytesToBigInt(base) + offset) % WORD_RANGE)
          : keccak256(bigIntToBytes32(offset));
    const known = row < 0 ? -1 : rows.slotRow(row, key);
    const word = new Uint8Array(32);
    if (known >= 0) rows.readSlotValue(known, word, 0);
    slots.set(toKey(key), { key, value: bigIntToBytes32(changedValue(fromWord(word), random, magnitudes)) });
  }
  return sortSlots([...slots.values()]);
}

function changedNonce(before: bigint, random: SeededRandom): bigint {
  const steps = [1n, 2n, 3n, 70n, 2n ** 40n, NONCE_RANGE - 1n, NONCE_RANGE / 2n];
  return (before + (steps[random.below(steps.length)] as bigint)) % NONCE_RANGE;
}

function changedValue(before: bigint, random: SeededRandom, magnitudes: readonly bigint[]): bigint {
  const near = magnitudes[random.below(magnitudes.length)] as bigint;
  const round = BigInt(1 + random.below(100_000)) * 10n ** BigInt(random.below(60));
  const values = [
    0n,
    before + near,
    before - near,
    before + round,
    before - round,
    before + BigInt(random.below(300)),
    randomWord(random),
    randomWord(random) >> BigInt(random.below(256)),
    WORD_RANGE - 1n,
  ];
  const value = BigInt.asUintN(256, values[random.below(values.length)] as bigint);
  return value === before ? (before + 1n) % WORD_RANGE : value;
}

function randomWord(random: SeededRandom): bigint {
  return bytesToBigInt(random.bytes(32));
}

function fromWord(word: Bytes): bigint {
  return bytesToBigInt(Uint8Array.from(word).reverse());
}
