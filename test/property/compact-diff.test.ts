import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { compactDiffCodes } from '../../src/protocol/compact-diff/codes.ts';
import { decodeCompactDiff } from '../../src/protocol/compact-diff/decode.ts';
import { orderKeys } from '../../src/protocol/compact-diff/key-order.ts';
import { rowDiffOf, stateDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { DiffPosition } from '../../src/protocol/diff-codec.ts';
import { packPayload } from '../../src/protocol/payload.ts';
import type { RowDiff } from '../../src/protocol/row-diff.ts';
import { canonicalBytes } from '../../src/protocol/row-diff-canonical.ts';
import { decodeStateDiff, encodeStateDiff } from '../../src/protocol/state-diff.ts';
import { type Bytes, bytesEqual, compareBytes } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { fuzzDiffs } from '../support/diff-fuzzer.ts';
import { encodeDiff } from '../support/encode-diff.ts';
import { MapRows } from '../support/map-rows.ts';
import { runs } from '../support/property-runs.ts';
import { randomStateDiff } from '../support/random-state-diff.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Positions of a chain of mini-blocks. */
const positionAt = (number: number): DiffPosition => ({ number, parentDigest: keccak256(Uint8Array.of(number)) });

/** A state after some diffs. */
function someState(random: SeededRandom, diffs: number): MapRows {
  const rows = new MapRows();
  for (let i = 0; i < diffs; i++) rows.apply(rowDiffOf(randomStateDiff(rows, random), rows));
  return rows;
}

describe('a compact diff', () => {
  test('decodes to the same canonical bytes along a chain, and both sides get the same rows', () => {
    const kinds = new Set<number>();
    let rowsSeen = 0;
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 12 }), (seed, length) => {
        const random = new SeededRandom(seed);
        const sender = new MapRows();
        const receiver = new MapRows();
        for (let number = 1; number <= length; number++) {
          const diff = randomStateDiff(sender, random, random.below(4) === 0 ? 60 : 8);
          const sent = rowDiffOf(diff, sender);
          const payload = encodeDiff(diff, sender, positionAt(number));
          kinds.add(payload[0] as number);
          const received = decodeCompactDiff(payload, receiver, positionAt(number));
          const canonical = encodeStateDiff(diff);
          expect(bytesEqual(canonicalBytes(received, receiver), canonical)).toBe(true);
          expect(sameColumns(received, sent)).toBe(true);
          expect(bytesEqual(encodeStateDiff(stateDiffOf(received, receiver)), canonical)).toBe(true);
          expect(compactDiffCodes(payload)).toEqual(diff.codes);
          sender.apply(sent);
          receiver.apply(received);
          expect(bytesEqual(canonicalBytes(received, receiver), canonical), 'after it was applied').toBe(true);
        }
        expect(receiver.describe()).toEqual(sender.describe());
        rowsSeen += sender.accountCount + sender.slotCount;
      }),
      runs(40),
    );
    expect(rowsSeen).toBeGreaterThan(1_000);
    // Plain and under zstd, and the canonical form for what is shorter in it.
    expect([...kinds]).toEqual(expect.arrayContaining([0, 2, 3]));
  });

  test('is the same diff in its canonical form, plain or compressed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new SeededRandom(seed);
        const rows = someState(random, 4);
        const diff = randomStateDiff(rows, random);
        const payload = packPayload(encodeStateDiff(diff));
        expect(decodeCompactDiff(payload, rows, positionAt(1))).toEqual(rowDiffOf(diff, rows));
        expect(compactDiffCodes(payload)).toEqual(diff.codes);
      }),
      runs(100),
    );
  });

  test('never takes more bytes than the canonical form', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new SeededRandom(seed);
        const rows = someState(random, 3);
        const diff = randomStateDiff(rows, random);
        expect(encodeDiff(diff, rows, positionAt(1)).length).toBeLessThanOrEqual(encodeStateDiff(diff).length + 1);
      }),
      runs(100),
    );
  });

  test('with a bit flipped or its end cut is a coded error or a diff that can be told', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new SeededRandom(seed);
        const rows = someState(random, 5);
        const payload = encodeDiff(randomStateDiff(rows, random, 4), rows, positionAt(1));
        for (let bit = 0; bit < Math.min(payload.length, 150) * 8; bit++) {
          const flipped = new Uint8Array(payload);
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
          decodeHostile(flipped, rows);
        }
        for (let length = 0; length < payload.length; length++) {
          expect(decodeHostile(payload.subarray(0, length), rows), `${length} bytes`).toBeUndefined();
        }
      }),
      runs(10),
    );
  });

  test('for another state is refused as diverged', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 3 }), (seed, difference) => {
        const random = new SeededRandom(seed);
        const rows = someState(random, 6);
        const diff = randomStateDiff(rows, random, 30);
        const payload = encodeDiff(diff, rows, positionAt(7));
        // The canonical form holds anywhere.
        fc.pre((payload[0] as number) >= 2);
        const refused = (action: () => unknown) =>
          expect(action).toThrow(expect.objectContaining({ code: 'COMPACT_DIFF_DIVERGED' }));
        if (difference === 0) refused(() => decodeCompactDiff(payload, rows, positionAt(8)));
        if (difference === 1)
          refused(() => decodeCompactDiff(payload, rows, { ...positionAt(7), parentDigest: keccak256(payload) }));
        if (difference === 2) refused(() => decodeCompactDiff(payload, new MapRows(), positionAt(7)));
        if (difference === 3) {
          const changedBalance = diff.accounts.find(
            (account) => account.balance !== undefined && rows.accountRow(account.address) >= 0,
          );
          fc.pre(changedBalance !== undefined);
          const other = { address: changedBalance?.address as Bytes, balance: 2n ** 256n - 12_345n };
          rows.apply(rowDiffOf({ accounts: [other], codes: [] }, rows));
          // A value that is sent whole says nothing about the one before.
          const decoded = decodeHostile(payload, rows, 7);
          if (decoded !== undefined) expect(canonicalBytes(decoded, rows)).toEqual(encodeStateDiff(diff));
        }
      }),
      runs(100),
    );
  });
});

/** Comparing thousands of words with `toEqual` takes seconds. */
function sameColumns(a: RowDiff, b: RowDiff): boolean {
  return (
    a.accountBase === b.accountBase &&
    a.slotBase === b.slotBase &&
    COLUMNS.every((name) => bytesEqual(bytesOf(a[name]), bytesOf(b[name])))
  );
}

const COLUMNS = [
  'newAddresses',
  'newSlotAccounts',
  'newSlotKeys',
  'accountRows',
  'accountFlags',
  'nonces',
  'balances',
  'codeHashes',
  'slotRows',
  'slotValues',
] as const satisfies readonly (keyof RowDiff)[];

function bytesOf(column: Uint8Array | Uint32Array | BigUint64Array): Bytes {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/** Decodes what may be anything; undefined when it is refused with a code. */
function decodeHostile(payload: Bytes, rows: MapRows, number = 1): RowDiff | undefined {
  try {
    const diff = decodeCompactDiff(payload, rows, positionAt(number));
    const canonical = canonicalBytes(diff, rows);
    expect(bytesEqual(encodeStateDiff(decodeStateDiff(canonical)), canonical)).toBe(true);
    expect(bytesEqual(encodeStateDiff(stateDiffOf(diff, rows)), canonical)).toBe(true);
    return diff;
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}

test('mutated messages are coded errors or valid diffs, and change nothing', async () => {
  const outcomes = await fuzzDiffs(runs(3_000).numRuns ?? 0, runs(1).seed ?? 0);
  for (const outcome of ['valid', 'COMPACT_DIFF_DIVERGED', 'INVALID_COMPACT_DIFF', 'INVALID_PAYLOAD']) {
    expect(outcomes.get(outcome), outcome).toBeGreaterThan(0);
  }
});

test('keys are ordered as comparing their bytes would, within groups', () => {
  const byte = fc.constantFrom(0, 0, 0, 1, 2, 255);
  const key = fc.oneof(
    fc.array(byte, { minLength: 7, maxLength: 7 }),
    fc.array(fc.nat(255), { minLength: 7, maxLength: 7 }),
    fc.array(byte, { minLength: 1, maxLength: 1 }).map((last) => [9, 9, 9, 9, 9, 9, ...last]),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat(2)), { maxLength: 400, size: 'max' }), fc.boolean(), (entries, grouped) => {
      const keys = Uint8Array.from(entries.flatMap(([bytes]) => bytes));
      const groups = Uint32Array.from(entries, ([, group]) => group);
      const order = grouped ? orderKeys(keys, 7, entries.length, groups, 3) : orderKeys(keys, 7, entries.length);
      const at = (index: number): Bytes => keys.subarray(index * 7, index * 7 + 7);
      expect([...order].sort((a, b) => a - b)).toEqual(entries.map((_, i) => i));
      for (let i = 1; i < order.length; i++) {
        const [a, b] = [order[i - 1] as number, order[i] as number];
        const byGroup = grouped ? (groups[a] as number) - (groups[b] as number) : 0;
        expect(byGroup || compareBytes(at(a), at(b))).toBeLessThanOrEqual(0);
      }
    }),
    runs(100),
  );
});
