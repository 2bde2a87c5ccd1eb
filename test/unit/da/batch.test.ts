import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/da/batch.ts';
import { packPayload } from '../../../src/protocol/payload.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { isStrobeError } from '../../../src/util/errors.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

test('records come back as they were', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 30 }), (records) => {
      expect(decodeBatch(encodeBatch(records))).toEqual(records);
    }),
  );
});

test('a batch above one payload’s bound is split into chunks', () => {
  const records = Array.from({ length: 30 }, (_, i) => new Uint8Array(1_500_000).fill(i));
  const batch = encodeBatch(records);
  expect(batch.length).toBeLessThan(1_000_000);
  expect(decodeBatch(batch).map((record) => Buffer.compare(record, records[record[0] as number] as Uint8Array))).toEqual(
    records.map(() => 0),
  );
});

test('whatever is not a batch is refused with a code', () => {
  const batch = encodeBatch([new Uint8Array(200).fill(1), Uint8Array.of(2, 3)]);
  fc.assert(
    fc.property(fc.nat(batch.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, value, cut) => {
      const hostile = cut ? batch.slice(0, at) : batch.slice();
      if (!cut) hostile[at] = value;
      try {
        decodeBatch(hostile);
      } catch (error) {
        expect(isStrobeError(error) && error.code).toMatch(/^(INVALID_DA_BATCH|VERSION_NOT_SUPPORTED)$/);
      }
    }),
  );
  expect(strobeCodeOf(() => decodeBatch(new Uint8Array(0)))).toBe('INVALID_DA_BATCH');
  expect(strobeCodeOf(() => decodeBatch(Uint8Array.of(2)))).toBe('VERSION_NOT_SUPPORTED');
});

test('a decompression bomb and a flood of tiny records are stopped at their bounds', () => {
  const chunk = (content: Uint8Array): Uint8Array => {
    const payload = packPayload(content);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, payload.length);
    return concatBytes(length, payload);
  };
  const tooLong = concatBytes(Uint8Array.of(1), chunk(new Uint8Array(40 * 1024 * 1024)));
  expect(strobeCodeOf(() => decodeBatch(tooLong))).toBe('INVALID_DA_BATCH');
  const tiny = new Uint8Array(5 * 500_001);
  for (let at = 3; at < tiny.length; at += 5) tiny[at] = 1;
  expect(decodeBatch(concatBytes(Uint8Array.of(1), chunk(tiny))).length).toBe(500_001);
  expect(strobeCodeOf(() => decodeBatch(concatBytes(Uint8Array.of(1), chunk(tiny), chunk(tiny))))).toBe('INVALID_DA_BATCH');
  expect(strobeCodeOf(() => encodeBatch([new Uint8Array(5 * 1024 * 1024)]))).toBe('DA_BATCH_TOO_LARGE');
});
