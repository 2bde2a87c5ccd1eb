import { setImmediate } from 'node:timers/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { compactDiffCodes } from '../../src/protocol/compact-diff/codes.ts';
import { decodeCompactDiff } from '../../src/protocol/compact-diff/decode.ts';
import { openDiffPayload } from '../../src/protocol/compact-diff/diff-payload.ts';
import { PAYLOAD_COMPACT, PAYLOAD_COMPACT_ZSTD } from '../../src/protocol/compact-diff/format.ts';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { DiffPosition } from '../../src/protocol/diff-codec.ts';
import { MAX_DECODED_BYTES } from '../../src/protocol/limits.ts';
import { ZERO_HASH } from '../../src/protocol/primitives.ts';
import { canonicalBytes } from '../../src/protocol/row-diff-canonical.ts';
import { decodeStateDiff, encodeStateDiff } from '../../src/protocol/state-diff.ts';
import { type Bytes, bytesEqual, concatBytes } from '../../src/util/bytes.ts';
import { invariant, isStrobeError } from '../../src/util/errors.ts';
import { encodeDiff } from './encode-diff.ts';
import { MapRows } from './map-rows.ts';
import { randomStateDiff } from './random-state-diff.ts';
import { SyntheticLoad } from './synthetic-load.ts';

const POSITION: DiffPosition = { number: 77, parentDigest: ZERO_HASH };
/** Messages of random diffs per state, and of a load that all are from. */
const MESSAGES = 12;
/** One message in so many is a decompression bomb: each takes a millisecond or more. */
const BOMB_EVERY = 2_000;

/** Messages between two turns of the event loop, in which Node frees what failed decompressions hold: some 40 kB each. */
const TURN = 100;

/** A state and messages that are valid beside it. */
interface Target {
  readonly rows: MapRows;
  /** Payloads, uncompressed where they are compact. */
  readonly messages: readonly Bytes[];
}

/** How many messages ended how: `valid`, or the code of the error. */
export type FuzzOutcomes = ReadonlyMap<string, number>;

/**
 * Feeds mutated messages to the decoder; every one ends in a coded error or in a diff whose canonical bytes are
 * canonical. Anything else is thrown.
 */
export async function fuzzDiffs(count: number, seed: number): Promise<FuzzOutcomes> {
  const random = new SeededRandom(seed);
  const targets = [0, 1, 4, 12].map((diffs) => randomTarget(diffs, random));
  for (const kind of ['erc20', 'transfer', 'swap'] as const) targets.push(loadTarget(kind, seed));
  const bombs = makeBombs();
  const outcomes = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const { rows, messages } = targets[random.below(targets.length)] as Target;
    const payload = i % BOMB_EVERY === 0 ? (bombs[random.below(bombs.length)] as Bytes) : mutated(messages, random);
    const outcome = outcomeOf(payload, rows);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (i % TURN === 0) await setImmediate();
  }
  return outcomes;
}

function outcomeOf(payload: Bytes, rows: MapRows): string {
  const codes = codeOf(() => compactDiffCodes(payload));
  const { accountCount, slotCount } = rows;
  const outcome = codeOf(() => {
    const diff = decodeCompactDiff(payload, rows, POSITION);
    const bytes = canonicalBytes(diff, rows);
    invariant(bytesEqual(encodeStateDiff(decodeStateDiff(bytes)), bytes), 'a decoded diff has canonical bytes');
  });
  invariant(outcome !== 'valid' || codes === 'valid', 'the codes of a valid diff can be read');
  invariant(rows.accountCount === accountCount && rows.slotCount === slotCount, 'decoding changes no state');
  return outcome;
}

function codeOf(action: () => void): string {
  try {
    action();
    return 'valid';
  } catch (error) {
    if (!isStrobeError(error) || error.code === 'INVARIANT_VIOLATED') throw error;
    return error.code;
  }
}

function randomTarget(diffs: number, random: SeededRandom): Target {
  const rows = new MapRows();
  for (let i = 0; i < diffs; i++) rows.apply(rowDiffOf(randomStateDiff(rows, random, 30), rows));
  const messages = Array.from({ length: MESSAGES }, () => plain(encodeDiff(randomStateDiff(rows, random, 12), rows, POSITION)));
  return { rows, messages };
}

function loadTarget(kind: 'erc20' | 'transfer' | 'swap', seed: number): Target {
  const load = new SyntheticLoad({ kind, holders: 2_000, transactions: 40, choice: 'zipf', seed });
  const rows = new MapRows();
  for (const diff of load.setup()) rows.apply(rowDiffOf(diff, rows));
  return { rows, messages: [plain(encodeDiff(load.next(), rows, POSITION))] };
}

/** Without zstd, through which a mutation would hardly reach what is inside. */
function plain(payload: Bytes): Bytes {
  const { compact, content } = openDiffPayload(payload);
  return concatBytes(Uint8Array.of(compact ? PAYLOAD_COMPACT : 0), content);
}

function mutated(messages: readonly Bytes[], random: SeededRandom): Bytes {
  const message = new Uint8Array(messages[random.below(messages.length)] as Bytes);
  const at = random.below(message.length);
  switch (random.below(8)) {
    case 0:
      return message.subarray(0, at);
    case 1: {
      const other = messages[random.below(messages.length)] as Bytes;
      return concatBytes(message.subarray(0, at), other.subarray(random.below(other.length)));
    }
    case 2:
      message.set(random.bytes(Math.min(1 + random.below(12), message.length - at)), at);
      return message;
    case 3:
      return concatBytes(Uint8Array.of(random.below(5)), random.bytes(random.below(120)));
    case 4:
      return withRandomCount(message, random);
    case 5:
      return compressed(flipped(message, random));
    default:
      return flipped(message, random);
  }
}

function flipped(message: Bytes, random: SeededRandom): Bytes {
  for (let i = random.below(4); i >= 0; i--) {
    const bit = random.below(message.length * 8);
    message[bit >> 3] = (message[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  return message;
}

/** Puts a number of any size among the first bytes, where positions and counts are. */
function withRandomCount(message: Bytes, random: SeededRandom): Bytes {
  const at = Math.min(1 + random.below(24), message.length);
  const digits = Array.from({ length: random.below(8) }, () => 0x80 | random.below(128));
  return concatBytes(
    message.subarray(0, at),
    Uint8Array.of(...digits, random.below(128)),
    message.subarray(at + random.below(2)),
  );
}

/** The message under zstd, sometimes with a flipped bit in that. */
function compressed(message: Bytes): Bytes {
  const kind = message[0] === PAYLOAD_COMPACT ? PAYLOAD_COMPACT_ZSTD : 1;
  return concatBytes(Uint8Array.of(kind), compress(message.subarray(1)));
}

function compress(bytes: Bytes): Bytes {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** Small payloads that decompress to as much as is allowed, or to more, with content that announces as much as it can. */
function makeBombs(): readonly Bytes[] {
  const sizes = [1_000, 100_000, MAX_DECODED_BYTES - 1, MAX_DECODED_BYTES, MAX_DECODED_BYTES + 1, 4 * MAX_DECODED_BYTES];
  const position = [POSITION.number, ...new Uint8Array(8), 0, 0];
  const codes = [0xff, 0x7f];
  const keys = [0xff, 0xff, 0x03];
  // Counts of codes, new accounts, new slots, listed accounts, listed slots.
  const headers = [[], [0, ...keys, 0, 0, 0], [0, 0, ...keys, 0, 0], [0, 1, ...keys, 0, 0], [...codes, 0, 0, 0, 0]];
  const bombs: Bytes[] = [];
  for (const size of sizes) {
    for (const filling of [0, 1, 0xff]) {
      const content = new Uint8Array(size).fill(filling);
      for (const header of headers) {
        content.set(header.length === 0 ? [] : [...position, ...header]);
        const packed = compress(content);
        for (const kind of [1, PAYLOAD_COMPACT_ZSTD]) bombs.push(concatBytes(Uint8Array.of(kind), packed));
      }
    }
  }
  return bombs;
}
