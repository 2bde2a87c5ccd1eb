import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asBigInt, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from '../../src/protocol/rlp.ts';
import { type Bytes, concatBytes } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { bytesUpTo, count, uint } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

const { item } = fc.letrec<{ item: RlpItem; list: RlpItem[] }>((tie) => ({
  item: fc.oneof({ maxDepth: 6 }, fc.oneof(bytesUpTo(3), bytesUpTo(70), bytesUpTo(300)), tie('list')),
  list: fc.array(tie('item'), { maxLength: 5 }),
}));

test('an item decodes to itself', () => {
  fc.assert(
    fc.property(item, (value) => {
      expect(decodeRlp(encodeRlp(value))).toEqual(value);
    }),
    runs(300),
  );
});

test('bytes that decode are the one encoding of what they decode to', () => {
  const nearly = fc.tuple(item, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = new Uint8Array(encodeRlp(value));
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(nearly, bytesUpTo(40)), (bytes) => {
      const decoded = decodeIfValid(bytes);
      if (decoded !== undefined) expect(encodeRlp(decoded)).toEqual(bytes);
    }),
    runs(2000),
  );
});

test('every other encoding of a string is refused', () => {
  fc.assert(
    fc.property(bytesUpTo(300), (string) => {
      const { length } = string;
      const forms = [concatBytes(Uint8Array.of(0xb9, length >> 8, length & 255), string)];
      if (length <= 255) forms.push(concatBytes(Uint8Array.of(0xb8, length), string));
      if (length === 1) forms.push(concatBytes(Uint8Array.of(0x81), string));
      const canonical = encodeRlp(string);
      for (const form of forms) {
        if (Buffer.compare(form, canonical) !== 0) expect(strobeCodeOf(() => decodeRlp(form))).toBe('INVALID_RLP');
      }
    }),
    runs(200),
  );
});

test('integers decode to themselves and only without leading zeros', () => {
  fc.assert(
    fc.property(uint(256), count, (big, small) => {
      expect(asBigInt(decodeRlp(encodeRlp(fromNumber(big))), 'big')).toBe(big);
      expect(asNumber(decodeRlp(encodeRlp(fromNumber(small))), 'small')).toBe(small);
      const padded = concatBytes(Uint8Array.of(0), fromNumber(big));
      expect(strobeCodeOf(() => asBigInt(padded, 'padded', 33))).toBe('INVALID_RLP');
    }),
    runs(200),
  );
  expect(strobeCodeOf(() => asNumber(fromNumber(2n ** 53n), 'above'))).toBe('INVALID_RLP');
  expect(strobeCodeOf(() => asBigInt(new Uint8Array(33).fill(1), 'long'))).toBe('INVALID_RLP');
});

describe('an attack', () => {
  test('by depth is refused before the stack ends', () => {
    expect(strobeCodeOf(() => decodeRlp(nested(100_000)))).toBe('INVALID_RLP');
    expect(strobeCodeOf(() => decodeRlp(nested(17)))).toBe('INVALID_RLP');
    expect(strobeCodeOf(() => decodeRlp(nested(16)))).toBe('no error');
  });

  test('by a length that is not there allocates nothing', () => {
    for (const prefix of [0xb8, 0xbb, 0xbf, 0xf8, 0xfb, 0xff]) {
      const lengthBytes = (prefix & 7) + 1;
      expect(strobeCodeOf(() => decodeRlp(Uint8Array.of(prefix, ...new Array(lengthBytes).fill(0xff))))).toBe('INVALID_RLP');
    }
  });

  test.each([0x01, 0x80, 0xc0])('by a multitude of items (%i) is refused', (filling) => {
    expect(strobeCodeOf(() => decodeRlp(listOf(filling, 100_000)))).toBe('INVALID_RLP');
    expect(strobeCodeOf(() => decodeRlp(listOf(filling, 60_000)))).toBe('no error');
    expect(strobeCodeOf(() => decodeRlp(listOf(filling, 10), 11))).toBe('no error');
    expect(strobeCodeOf(() => decodeRlp(listOf(filling, 10), 10))).toBe('INVALID_RLP');
  });
});

function decodeIfValid(bytes: Bytes): RlpItem | undefined {
  try {
    return decodeRlp(bytes);
  } catch (error) {
    if (isStrobeError(error, 'INVALID_RLP')) return undefined;
    throw error;
  }
}

/** `depth` lists in one another, the innermost empty. */
function nested(depth: number): Bytes {
  // From the inside out: the prefix of an outer list depends on the length inside.
  const prefixes: Bytes[] = [];
  for (let i = 0, length = 0; i < depth; i++) {
    const prefix =
      length <= 55
        ? Uint8Array.of(0xc0 + length)
        : concatBytes(Uint8Array.of(0xf7 + fromNumber(length).length), fromNumber(length));
    prefixes.push(prefix);
    length += prefix.length;
  }
  return concatBytes(...prefixes.reverse());
}

function listOf(item: number, length: number): Bytes {
  const content = new Uint8Array(length).fill(item);
  if (length <= 55) return concatBytes(Uint8Array.of(0xc0 + length), content);
  const lengthBytes = fromNumber(length);
  return concatBytes(Uint8Array.of(0xf7 + lengthBytes.length), lengthBytes, content);
}
