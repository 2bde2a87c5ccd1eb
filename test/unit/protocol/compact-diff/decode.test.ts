import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { compactDiffCodes } from '../../../../src/protocol/compact-diff/codes.ts';
import { decodeCompactDiff } from '../../../../src/protocol/compact-diff/decode.ts';
import { MAX_COMPACT_CODES, MAX_COMPACT_KEYS } from '../../../../src/protocol/compact-diff/format.ts';
import { postDigestOf } from '../../../../src/protocol/compact-diff/post-digest.ts';
import { rowDiffOf, stateDiffOf } from '../../../../src/protocol/compact-diff/row-conversion.ts';
import { MAX_DIFF_PAYLOAD_BYTES } from '../../../../src/protocol/limits.ts';
import { packPayload } from '../../../../src/protocol/payload.ts';
import { createStateDiff, encodeStateDiff, type StateDiff } from '../../../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, concatBytes } from '../../../../src/util/bytes.ts';
import { MapRows } from '../../../support/map-rows.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';
import { buildMessage, type MessageParts, POSITION } from './message-builder.ts';

const address = (last: number): Bytes => {
  const bytes = new Uint8Array(20);
  bytes[19] = last;
  return bytes;
};
const word = (value: bigint | number): Bytes => bigIntToBytes32(BigInt(value));
const word33 = new Uint8Array(33).fill(1);

/** Account rows 0, 1, 2 (addresses 1, 2, 3) with balance 1000 and nonce 5; the last has slots 4 and 5 of value 9 in rows 0 and 1. */
function baseState(): MapRows {
  const rows = new MapRows();
  const slots = [4, 5].map((key) => ({ key: word(key), value: word(9) }));
  const accounts = [1, 2, 3].map((last) => ({
    address: address(last),
    nonce: 5n,
    balance: 1_000n,
    ...(last === 3 && { slots }),
  }));
  rows.apply(rowDiffOf(createStateDiff(accounts, []), rows));
  return rows;
}

const rows = baseState();
const codeOf = (parts: MessageParts): string => strobeCodeOf(() => decodeCompactDiff(buildMessage(rows, parts), rows, POSITION));

/** Entries of the account column: gap x 4 + mode. */
const same = (gap: number): number => gap * 4;
const next = (gap: number): number => gap * 4 + 1;
const detailed = (gap: number): number => gap * 4 + 3;
const PLUS_1 = [0x01, 1];

/** The message with the digest that its diff has. */
function decoded(parts: MessageParts, expected: StateDiff): StateDiff {
  const postDigest = postDigestOf(rowDiffOf(expected, rows));
  return stateDiffOf(decodeCompactDiff(buildMessage(rows, { ...parts, postDigest }), rows, POSITION), rows);
}

describe('messages that are right', () => {
  const right: [string, MessageParts, StateDiff][] = [
    ['nothing', {}, createStateDiff([], [])],
    [
      'a transfer and the nonce of its sender',
      { counts: [0, 0, 0, 2, 0], body: [next(0), same(0), (1 << 5) | 2, 3 << 5, 0xf4, 1] },
      createStateDiff(
        [
          { address: address(1), nonce: 6n, balance: 500n },
          { address: address(2), balance: 1_500n },
        ],
        [],
      ),
    ],
    [
      'a decimal delta, and one below zero',
      { counts: [0, 0, 0, 2, 0], body: [same(1), same(0), (5 << 5) | 18, (6 << 5) | 3, 12, 2] },
      createStateDiff(
        [
          { address: address(2), balance: 12n * 10n ** 18n + 1_000n },
          { address: address(3), balance: 2n ** 256n - 1_000n },
        ],
        [],
      ),
    ],
    [
      'a cleared slot, a new one, and a nonce that went back',
      { counts: [0, 0, 1, 1, 1], body: [detailed(2), 1, 3, 2, 1, 6, 0, 2 << 5, (2 << 5) | 1, 255] },
      createStateDiff(
        [
          {
            address: address(3),
            nonce: 3n,
            slots: [
              { key: word(4), value: word(0) },
              { key: word(6), value: word(255) },
            ],
          },
        ],
        [],
      ),
    ],
    [
      'a new account with a code',
      { counts: [1, 1, 0, 0, 0], body: [1, 0xfe, address(9), 5, 2, word(77)] },
      createStateDiff([{ address: address(9), nonce: 1n, codeHash: word(77) }], [Uint8Array.of(0xfe)]),
    ],
    [
      'a deletion',
      { counts: [0, 0, 0, 1, 0], body: [detailed(2), 8] },
      createStateDiff([{ address: address(3), deleted: true }], []),
    ],
  ];
  test.each(right)('%s', (_, parts, expected) => {
    expect(decoded(parts, expected)).toEqual(expected);
  });
});

describe('a decoder refuses', () => {
  const refused: [string, MessageParts][] = [
    ['an account without a row', { counts: [0, 0, 0, 1, 0], body: [same(3), ...PLUS_1] }],
    ['unknown flags', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 16] }],
    ['a deletion with fields', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 9, 2] }],
    ['a listed account without a change', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 0] }],
    ['a deletion of an account with changed slots', { counts: [0, 0, 0, 1, 1], body: [detailed(2), 8, 0, ...PLUS_1] }],
    ['a nonce as before', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 1, 0] }],
    ['a nonce in a longer form', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 1, 0x82, 0] }],
    ['a nonce of 65 bits', { counts: [0, 0, 0, 1, 0], body: [detailed(0), 1, new Uint8Array(9).fill(0xff), 2] }],
    ['a row number in a longer form', { counts: [0, 0, 0, 1, 0], body: [0x80, 0, ...PLUS_1] }],
    ['a row number out of range', { counts: [0, 0, 0, 1, 0], body: [new Uint8Array(7).fill(0xff), 1, ...PLUS_1] }],
    ['a new account that has a row', { counts: [0, 1, 0, 0, 0], body: [address(2), 2, ...PLUS_1] }],
    ['a new account twice', { counts: [0, 2, 0, 0, 0], body: [address(9), address(9), 2, 2, ...PLUS_1, ...PLUS_1] }],
    ['new accounts out of order', { counts: [0, 2, 0, 0, 0], body: [address(9), address(8), 2, 2, ...PLUS_1, ...PLUS_1] }],
    ['a new account that is deleted', { counts: [0, 1, 0, 0, 0], body: [address(9), 8, 0] }],
    ['a new account with neither fields nor slots', { counts: [0, 1, 0, 0, 0], body: [address(9), 0, 0] }],
    ['a new slot that has a row', { counts: [0, 0, 1, 0, 0], body: [2, 1, 4, ...PLUS_1] }],
    ['a new slot of an account that has none', { counts: [0, 0, 1, 0, 0], body: [3, 1, 9, ...PLUS_1] }],
    ['a new slot twice', { counts: [0, 0, 2, 0, 0], body: [2, 0, 1, 0, 9, ...PLUS_1, ...PLUS_1] }],
    ['a slot key in a longer form', { counts: [0, 0, 1, 0, 0], body: [2, 2, 0, 9, ...PLUS_1] }],
    ['a slot key of 33 bytes', { counts: [0, 0, 1, 0, 0], body: [2, 33, word33, ...PLUS_1] }],
    [
      'a slot key above the last one',
      { counts: [0, 0, 2, 0, 0], body: [2, 0, 32, 1, new Uint8Array(32).fill(0xff), 1, ...PLUS_1, ...PLUS_1] },
    ],
    ['a slot without a row', { counts: [0, 0, 0, 0, 1], body: [2, ...PLUS_1] }],
    ['a delta of no bytes', { counts: [0, 0, 0, 0, 1], body: [0, 0x00] }],
    ['a delta of 31 bytes', { counts: [0, 0, 0, 0, 1], body: [0, 0x1f, new Uint8Array(31).fill(1)] }],
    ['a delta in a longer form', { counts: [0, 0, 0, 0, 1], body: [0, 0x02, 1, 0] }],
    ['a value in a longer form', { counts: [0, 0, 0, 0, 1], body: [0, (2 << 5) | 2, 1, 0] }],
    ['a short value as a whole word', { counts: [0, 0, 0, 0, 1], body: [0, (2 << 5) | 31, 1, new Uint8Array(31)] }],
    ['a decimal of nothing', { counts: [0, 0, 0, 0, 1], body: [0, (5 << 5) | 3, 0] }],
    ['a decimal without exponent', { counts: [0, 0, 0, 0, 1], body: [0, 5 << 5, 3] }],
    ['a reference to nothing', { counts: [0, 0, 0, 0, 1], body: [0, 3 << 5] }],
    ['a reference to what comes later', { counts: [0, 0, 0, 0, 2], body: [0, 0, 4 << 5, 1, 1] }],
    ['a far reference to nothing', { counts: [0, 0, 0, 0, 1], body: [0, 7 << 5, 0] }],
    ['an empty code', { counts: [1, 0, 0, 0, 0], body: [0, 0] }],
    ['a code twice', { counts: [2, 0, 0, 0, 0], body: [1, 7, 1, 7] }],
    ['codes out of order', { counts: [2, 0, 0, 0, 0], body: unsortedCodes() }],
    ['bytes behind the end', { tail: Uint8Array.of(0) }],
    ['more entries than the message can hold', { counts: [0, 0, 0, 0, 5], body: [0, 0, 1] }],
    ['more keys than its bound', { counts: [0, 0, 0, 0, MAX_COMPACT_KEYS + 1], body: [new Uint8Array(3 * MAX_COMPACT_KEYS)] }],
    ['more codes than its bound', { counts: [MAX_COMPACT_CODES + 1, 0, 0, 0, 0], body: [new Uint8Array(3 * MAX_COMPACT_CODES)] }],
  ];
  test.each(refused)('%s', (_, parts) => {
    expect(codeOf(parts)).toBe('INVALID_COMPACT_DIFF');
  });

  test('a value that is the one from before, when the digest is right', () => {
    const unchanged = createStateDiff([{ address: address(3), slots: [{ key: word(4), value: word(9) }] }], []);
    const postDigest = postDigestOf(rowDiffOf(unchanged, rows));
    expect(codeOf({ counts: [0, 0, 0, 0, 1], body: [0, (2 << 5) | 1, 9], postDigest })).toBe('INVALID_COMPACT_DIFF');
    expect(strobeCodeOf(() => decodeCompactDiff(packPayload(encodeStateDiff(unchanged)), rows, POSITION))).toBe(
      'INVALID_STATE_DIFF',
    );
  });

  test.each<[string, StateDiff]>([
    ['a nonce', createStateDiff([{ address: address(1), nonce: 5n }], [])],
    ['a balance', createStateDiff([{ address: address(1), balance: 1_000n }], [])],
    ['a new account’s balance', createStateDiff([{ address: address(9), nonce: 1n, balance: 0n }], [])],
    ['a new slot', createStateDiff([{ address: address(3), slots: [{ key: word(7), value: word(0) }] }], [])],
    ['a deletion', createStateDiff([{ address: address(9), deleted: true }], [])],
  ])('the canonical form of %s without a net effect', (_, diff) => {
    expect(strobeCodeOf(() => decodeCompactDiff(packPayload(encodeStateDiff(diff)), rows, POSITION))).toBe('INVALID_STATE_DIFF');
  });

  test('payloads of unknown kinds, too long ones, and such that decompress to too much', () => {
    const refusedPayloads = [
      new Uint8Array(0),
      Uint8Array.of(4, 1, 2, 3),
      concatBytes(Uint8Array.of(2), new Uint8Array(MAX_DIFF_PAYLOAD_BYTES)),
      Uint8Array.of(3, 1, 2, 3),
      concatBytes(Uint8Array.of(3), zstdCompressSync(new Uint8Array(64 * 2 ** 20))),
    ];
    for (const payload of refusedPayloads) {
      expect(strobeCodeOf(() => decodeCompactDiff(payload, rows, POSITION))).toBe('INVALID_PAYLOAD');
      expect(strobeCodeOf(() => compactDiffCodes(payload))).toBe('INVALID_PAYLOAD');
    }
  });
});

test.each<[string, MessageParts]>([
  ['another number', { number: 8 }],
  ['another parent', { parentDigest: new Uint8Array(8) }],
  ['fewer accounts', { accountBase: 2 }],
  ['more slots', { slotBase: 3 }],
  ['other values', { counts: [0, 0, 0, 0, 1], body: [0, ...PLUS_1] }],
])('a message made beside a state with %s has diverged', (_, parts) => {
  expect(codeOf(parts)).toBe('COMPACT_DIFF_DIVERGED');
});

describe('the codes of a message', () => {
  test('are read without a state', () => {
    const codes = createStateDiff([], [Uint8Array.of(1), Uint8Array.of(2, 3)]).codes;
    const body = codes.flatMap((code) => [code.length, code]);
    expect(compactDiffCodes(buildMessage(rows, { number: 99, counts: [2, 0, 0, 0, 0], body }))).toEqual(codes);
  });

  test('are refused as the decoder would', () => {
    const message = buildMessage(rows, { counts: [2, 0, 0, 0, 0], body: unsortedCodes() });
    expect(strobeCodeOf(() => compactDiffCodes(message))).toBe('INVALID_COMPACT_DIFF');
  });

  test('outlive the bytes that they came in', () => {
    const message = buildMessage(rows, { counts: [1, 0, 0, 0, 0], body: [1, 0xfe] });
    const [code] = compactDiffCodes(message);
    message.fill(0);
    expect(code).toEqual(Uint8Array.of(0xfe));
  });
});

function unsortedCodes(): (number | Bytes)[] {
  const { codes } = createStateDiff([], [Uint8Array.of(1), Uint8Array.of(2)]);
  return codes.toReversed().flatMap((code) => [code.length, code]);
}
