import { expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/bench/seeded-random.ts';
import { decodeCompactDiff } from '../../../../src/protocol/compact-diff/decode.ts';
import { MAX_COMPACT_KEYS } from '../../../../src/protocol/compact-diff/format.ts';
import { rowDiffOf } from '../../../../src/protocol/compact-diff/row-conversion.ts';
import { MAX_DIFF_PAYLOAD_BYTES } from '../../../../src/protocol/limits.ts';
import { canonicalBytes } from '../../../../src/protocol/row-diff-canonical.ts';
import { createStateDiff, encodeStateDiff, type StateDiff } from '../../../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32 } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { encodeDiff } from '../../../support/encode-diff.ts';
import { MapRows } from '../../../support/map-rows.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';
import { SyntheticLoad } from '../../../support/synthetic-load.ts';
import { POSITION } from './message-builder.ts';

const word = (value: bigint): Bytes => bigIntToBytes32(value);
const addressOf = (index: number): Bytes => keccak256(word(BigInt(index))).subarray(12);
const token = addressOf(0);
const slot = (holder: number, value: bigint) => ({ key: word(BigInt(holder)), value: word(value) });

/** A token with balances of 10^24 in 200 slots. */
function tokenState(): MapRows {
  const rows = new MapRows();
  const slots = Array.from({ length: 200 }, (_, i) => slot(i, 10n ** 24n));
  rows.apply(rowDiffOf(createStateDiff([{ address: token, nonce: 1n, slots }], []), rows));
  return rows;
}

const diffOf = (slots: readonly { key: Bytes; value: Bytes }[]): StateDiff => createStateDiff([{ address: token, slots }], []);
const bytesOf = (diff: StateDiff, rows = tokenState()): number => encodeDiff(diff, rows, POSITION).length;

test('the second end of a transfer takes its row and a tag', () => {
  const amount = 123_456_789_123_456_789n;
  const one = bytesOf(diffOf([slot(1, 10n ** 24n - amount)]));
  const both = bytesOf(diffOf([slot(1, 10n ** 24n - amount), slot(2, 10n ** 24n + amount)]));
  expect(both - one).toBe(2);
});

test('a magnitude further back takes a byte more', () => {
  const others = Array.from({ length: 60 }, (_, i) => slot(i + 2, 10n ** 24n + 1_000_003n * BigInt(i + 1)));
  const amount = 123_456_789_123_456_789n;
  const one = bytesOf(diffOf([slot(1, 10n ** 24n - amount), ...others]));
  const both = bytesOf(diffOf([slot(1, 10n ** 24n - amount), ...others, slot(100, 10n ** 24n + amount)]));
  expect(both - one).toBe(3);
});

test('a round amount takes its digits', () => {
  const odd = bytesOf(diffOf([slot(1, 10n ** 24n - 123_456_789_123_456_789n)]));
  const round = bytesOf(diffOf([slot(1, 10n ** 24n - 12_000_000_000_000_000_000n)]));
  expect(odd - round).toBe(7);
});

test('new slots beside each other take a byte for their keys', () => {
  const base = BigInt(`0x${'7a'.repeat(32)}`);
  const array = (count: number) =>
    diffOf(Array.from({ length: count }, (_, i) => ({ key: word(base + BigInt(i)), value: word(1n) })));
  // Gap of the account, length and difference of the key, tag.
  expect(bytesOf(array(12)) - bytesOf(array(11))).toBe(4);
});

test('what did not change is not encoded', () => {
  const rows = tokenState();
  expect(strobeCodeOf(() => encodeDiff(diffOf([slot(1, 10n ** 24n)]), rows, POSITION))).toBe('INVALID_STATE_DIFF');
  const nonce = createStateDiff([{ address: token, nonce: 1n }], []);
  expect(strobeCodeOf(() => encodeDiff(nonce, rows, POSITION))).toBe('INVALID_STATE_DIFF');
  const deletion = createStateDiff([{ address: addressOf(1), deleted: true }], []);
  expect(strobeCodeOf(() => encodeDiff(deletion, rows, POSITION))).toBe('INVALID_STATE_DIFF');
});

test('a diff of more keys than a message may have travels in its canonical form', () => {
  const rows = tokenState();
  const slots = Array.from({ length: MAX_COMPACT_KEYS }, (_, i) => slot(1_000 + i, 1n));
  const payload = encodeDiff(diffOf(slots), rows, POSITION);
  expect(payload[0]).toBe(1);
  const decoded = decodeCompactDiff(payload, rows, POSITION);
  expect(Buffer.compare(canonicalBytes(decoded, rows), encodeStateDiff(diffOf(slots)))).toBe(0);
});

test('a diff that does not fit in a mini-block is refused', () => {
  const code = new SeededRandom(1).bytes(MAX_DIFF_PAYLOAD_BYTES);
  expect(strobeCodeOf(() => encodeDiff({ accounts: [], codes: [code] }, tokenState(), POSITION))).toBe('DIFF_TOO_LARGE');
});

test.each([
  ['erc20', 27],
  ['transfer', 24],
  ['swap', 66],
] as const)('a load of %s stays below %i bytes a transaction', (kind, bytes) => {
  const transactions = 30;
  const load = new SyntheticLoad({ kind, holders: 3_000, transactions, choice: 'uniform', seed: 3 });
  const rows = new MapRows();
  for (const diff of load.setup()) rows.apply(rowDiffOf(diff, rows));
  let total = 0;
  for (let i = 0; i < 10; i++) {
    const diff = load.next();
    const payload = encodeDiff(diff, rows, POSITION);
    total += payload.length;
    expect(payload.length).toBeLessThan(encodeStateDiff(diff).length / 3);
    rows.apply(decodeCompactDiff(payload, rows, POSITION));
  }
  expect(total / (10 * transactions)).toBeLessThan(bytes);
});
