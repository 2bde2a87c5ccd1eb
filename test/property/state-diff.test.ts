import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packPayload, unpackPayload } from '../../src/protocol/payload.ts';
import { encodeRlp, type RlpItem } from '../../src/protocol/rlp.ts';
import {
  countDiffKeys,
  createStateDiff,
  decodeStateDiff,
  encodeStateDiff,
  type StateDiff,
  stateDiffDigest,
} from '../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, concatBytes } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { bytesUpTo, stateDiff } from '../support/arbitraries.ts';
import { plainDiffPayload, readPlainDiff } from '../support/plain-diff.ts';
import { runs } from '../support/property-runs.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

test('a diff decodes to itself, as canonical bytes and as a payload', () => {
  fc.assert(
    fc.property(stateDiff, (diff) => {
      const bytes = encodeStateDiff(diff);
      expect(decodeStateDiff(bytes)).toEqual(diff);
      expect(readPlainDiff(plainDiffPayload(diff))).toEqual(diff);
      expect(stateDiffDigest(diff)).toEqual(keccak256(bytes));
    }),
    runs(200),
  );
});

test('the order in which changes were collected does not matter', () => {
  fc.assert(
    fc.property(stateDiff, fc.infiniteStream(fc.nat()), (diff, random) => {
      const shuffle = <Item>(items: readonly Item[]): Item[] =>
        items
          .map((item) => ({ item, rank: random.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ item }) => item);
      expect(stateDiffDigest(createStateDiff(shuffle(diff.accounts), shuffle(diff.codes)))).toEqual(stateDiffDigest(diff));
    }),
    runs(100),
  );
});

test('one diff has one encoding: any bit flipped is refused or is another diff', () => {
  fc.assert(
    fc.property(stateDiff, (diff) => {
      const bytes = encodeStateDiff(diff);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = new Uint8Array(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        const decoded = decodeIfValid(flipped);
        if (decoded !== undefined) expect(encodeStateDiff(decoded), `bit ${bit}`).toEqual(flipped);
      }
      for (let length = 0; length < bytes.length; length++) {
        expect(strobeCodeOf(() => decodeStateDiff(bytes.subarray(0, length)))).toBe('INVALID_RLP');
      }
    }),
    runs(20),
  );
});

const address = new Uint8Array(20).fill(1);
const later = new Uint8Array(20).fill(2);
const word = (value: number): Bytes => bigIntToBytes32(BigInt(value));
const flags = (value: number): Bytes => Uint8Array.of(value);
const one = Uint8Array.of(1);
const empty = new Uint8Array(0);

describe('a decoder refuses', () => {
  const refused: [string, readonly RlpItem[], readonly Bytes[]][] = [
    [
      'accounts out of order',
      [
        [later, flags(1), one],
        [address, flags(1), one],
      ],
      [],
    ],
    [
      'an account twice',
      [
        [address, flags(1), one],
        [address, flags(1), one],
      ],
      [],
    ],
    ['no flags', [[address, empty]], []],
    ['an unknown flag', [[address, flags(16), one]], []],
    ['a deleted account with fields', [[address, flags(9), one]], []],
    ['a deleted account with a field that has no flag', [[address, flags(8), one]], []],
    ['a field too many', [[address, flags(1), one, one]], []],
    ['an empty slot list', [[address, flags(32), []]], []],
    [
      'slots out of order',
      [
        [
          address,
          flags(32),
          [
            [word(2), one],
            [word(1), one],
          ],
        ],
      ],
      [],
    ],
    [
      'a slot twice',
      [
        [
          address,
          flags(32),
          [
            [word(1), one],
            [word(1), one],
          ],
        ],
      ],
      [],
    ],
    ['a slot value with leading zeros', [[address, flags(32), [[word(1), word(1)]]]], []],
    ['a slot value of 33 bytes', [[address, flags(32), [[word(1), new Uint8Array(33).fill(1)]]]], []],
    ['an empty code', [], [empty]],
    ['a code twice', [], [one, one]],
    ['codes out of order', [], [...sortedCodes()].reverse()],
  ];
  test.each(refused)('%s', (_, accounts, codes) => {
    expect(strobeCodeOf(() => decodeStateDiff(encodeRlp([accounts, codes])))).toBe('INVALID_STATE_DIFF');
  });

  test('a nonce of 9 bytes, a balance of 33, a flag without its field', () => {
    const broken: RlpItem[] = [
      [address, flags(1), new Uint8Array(9).fill(1)],
      [address, flags(2), new Uint8Array(33).fill(1)],
      [address, flags(3), one],
      [address, flags(1), Uint8Array.of(0, 1)],
    ];
    for (const account of broken) expect(strobeCodeOf(() => decodeStateDiff(encodeRlp([[account], []])))).toBe('INVALID_RLP');
  });
});

function sortedCodes(): readonly Bytes[] {
  return createStateDiff([], [one, Uint8Array.of(2)]).codes;
}

describe('a payload', () => {
  test('unpacks to what was packed, and is never longer than plain', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          bytesUpTo(600),
          bytesUpTo(8).map((bytes) => new Uint8Array(500).fill(bytes.length)),
        ),
        (bytes) => {
          const payload = packPayload(bytes);
          expect(payload.length).toBeLessThanOrEqual(bytes.length + 1);
          expect(unpackPayload(payload)).toEqual(bytes);
        },
      ),
      runs(200),
    );
  });

  test('that is cut, or of an unknown kind, is refused', () => {
    const payload = packPayload(new Uint8Array(5_000).map((_, i) => (i * i) >> 3));
    expect(payload[0]).toBe(1);
    for (const length of [1, 2, 5, 9, payload.length >> 1, payload.length - 1]) {
      expect(
        strobeCodeOf(() => unpackPayload(payload.subarray(0, length))),
        `${length} bytes`,
      ).toBe('INVALID_PAYLOAD');
    }
    expect(strobeCodeOf(() => unpackPayload(empty))).toBe('INVALID_PAYLOAD');
    expect(strobeCodeOf(() => unpackPayload(concatBytes(Uint8Array.of(2), payload)))).toBe('INVALID_PAYLOAD');
  });
});

test('the keys of a diff are its accounts and slots', () => {
  const slot = { key: word(1), value: word(1) };
  expect(
    countDiffKeys(
      createStateDiff(
        [
          { address, nonce: 1n, slots: [slot] },
          { address: later, deleted: true },
        ],
        [],
      ),
    ),
  ).toBe(3);
});

function decodeIfValid(bytes: Bytes): StateDiff | undefined {
  try {
    return decodeStateDiff(bytes);
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}
