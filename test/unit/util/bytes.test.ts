import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bigIntToBytes,
  bigIntToBytes32,
  bytesEqual,
  bytesToBigInt,
  compareBytes,
  concatBytes,
  fromHex,
  fromKey,
  isZeroBytes,
  padTo32,
  toHex,
  toKey,
  trimLeadingZeros,
} from '../../../src/util/bytes.ts';
import { isStrobeError, StrobeError } from '../../../src/util/errors.ts';
import { bytesUpTo, uint } from '../../support/arbitraries.ts';
import { runs } from '../../support/property-runs.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

test('hex and keys give the bytes back, also of a view into a larger buffer', () => {
  fc.assert(
    fc.property(bytesUpTo(80), bytesUpTo(5), (bytes, around) => {
      const view = concatBytes(around, bytes, around).subarray(around.length, around.length + bytes.length);
      expect(fromHex(toHex(view))).toEqual(bytes);
      expect(fromKey(toKey(view))).toEqual(bytes);
      expect(toHex(view)).toMatch(/^0x[0-9a-f]*$/);
    }),
    runs(200),
  );
  for (const wrong of ['', '0', '0x0', '0xg0', 'ab', '0X00', ' 0x00'])
    expect(strobeCodeOf(() => fromHex(wrong))).toBe('INVALID_HEX');
});

test('numbers give their bytes and come back, of every length', () => {
  fc.assert(
    fc.property(uint(256), fc.nat(32), (value, zeros) => {
      const bytes = bigIntToBytes(value);
      expect(bytesToBigInt(bytes)).toBe(value);
      expect(bytes[0]).not.toBe(0);
      expect(bytesToBigInt(concatBytes(new Uint8Array(zeros), bytes))).toBe(value);
      expect(bigIntToBytes32(value)).toEqual(padTo32(bytes));
      expect(trimLeadingZeros(bigIntToBytes32(value))).toEqual(bytes);
      expect(isZeroBytes(bigIntToBytes32(value))).toBe(value === 0n);
    }),
    runs(300),
  );
  for (let length = 0; length <= 33; length++)
    expect(bytesToBigInt(new Uint8Array(length).fill(0xff))).toBe(2n ** BigInt(8 * length) - 1n);
});

test('bytes compare as Buffer compares them', () => {
  fc.assert(
    fc.property(bytesUpTo(4), bytesUpTo(4), (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      expect(bytesEqual(a, b)).toBe(Buffer.compare(a, b) === 0);
    }),
    runs(500),
  );
});

test('a coded error survives its way through JSON', () => {
  const error = new StrobeError('SOME_CODE', 'a sentence', { number: 1, text: 'x', none: null }, { cause: new TypeError('why') });
  const back = StrobeError.from(JSON.parse(JSON.stringify(error)));
  expect(back).toMatchObject({ code: 'SOME_CODE', message: 'a sentence', meta: { number: 1, text: 'x', none: null } });
  expect(isStrobeError(back, 'SOME_CODE')).toBe(true);
  expect(isStrobeError(back, 'OTHER')).toBe(false);
  expect(isStrobeError(new TypeError('SOME_CODE'))).toBe(false);
});
