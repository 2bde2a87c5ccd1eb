import { Bloom, encodeReceipt as encodeWithEthereumJs } from '@ethereumjs/vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOOM_BYTES, decodeReceipt, encodeReceipt, logsBloom, mergeBloom, type Receipt } from '../../src/protocol/receipt.ts';
import { encodeRlp } from '../../src/protocol/rlp.ts';
import { type Bytes, concatBytes } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { log, receipt } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

test('a bloom is that of ethereumjs, and blooms merge to the bloom of all their logs', () => {
  fc.assert(
    fc.property(fc.array(log, { maxLength: 6 }), fc.nat(6), (logs, cut) => {
      const reference = new Bloom();
      for (const { address, topics } of logs) for (const value of [address, ...topics]) reference.add(value);
      expect(logsBloom(logs)).toEqual(reference.bitvector);
      const merged = new Uint8Array(logsBloom(logs.slice(0, cut)));
      mergeBloom(merged, logsBloom(logs.slice(cut)));
      expect(merged).toEqual(reference.bitvector);
    }),
    runs(100),
  );
});

test('a receipt has the encoding of ethereumjs and decodes to itself', () => {
  fc.assert(
    fc.property(receipt, (value) => {
      const bytes = encodeReceipt(value);
      // ethereumjs writes no gas at all, which no receipt has, as a zero byte.
      if (value.cumulativeGasUsed > 0n) expect(bytes).toEqual(encodeWithEthereumJs(asEthereumJs(value), value.type));
      expect(decodeReceipt(bytes)).toEqual(value);
    }),
    runs(100),
  );
});

test('a changed receipt is refused, or it is the one encoding of another receipt', () => {
  fc.assert(
    fc.property(receipt, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
      const bytes = encodeReceipt(value);
      const changed = new Uint8Array(bytes);
      changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ change;
      const decoded = decodeIfValid(changed);
      if (decoded !== undefined) expect(encodeReceipt(decoded)).toEqual(changed);
      expect(strobeCodeOf(() => decodeReceipt(bytes.subarray(0, at % bytes.length)))).toBe('INVALID_RLP');
    }),
    runs(300),
  );
});

test('what no receipt can be is refused', () => {
  const bloom = new Uint8Array(BLOOM_BYTES);
  const topic = new Uint8Array(32);
  const encode = (status: number, logs: Bytes[][][], filter = bloom): Bytes =>
    encodeRlp([status === 0 ? new Uint8Array(0) : Uint8Array.of(status), Uint8Array.of(1), filter, logs as never]);
  expect(strobeCodeOf(() => decodeReceipt(encode(1, [])))).toBe('no error');
  expect(strobeCodeOf(() => decodeReceipt(encode(2, [])))).toBe('INVALID_RECEIPT');
  expect(strobeCodeOf(() => decodeReceipt(encode(1, [], new Uint8Array(BLOOM_BYTES).fill(1))))).toBe('INVALID_RECEIPT');
  const tooManyTopics = encodeRlp([
    Uint8Array.of(1),
    Uint8Array.of(1),
    bloom,
    [[new Uint8Array(20), new Array(5).fill(topic), topic]],
  ]);
  expect(strobeCodeOf(() => decodeReceipt(tooManyTopics))).toBe('INVALID_RECEIPT');
  expect(strobeCodeOf(() => decodeReceipt(concatBytes(Uint8Array.of(3), encode(1, []))))).toBe('INVALID_RLP');
  expect(strobeCodeOf(() => decodeReceipt(new Uint8Array(0)))).toBe('INVALID_RLP');
});

function asEthereumJs(value: Receipt): Parameters<typeof encodeWithEthereumJs>[0] {
  return {
    status: value.status,
    cumulativeBlockGasUsed: value.cumulativeGasUsed,
    bitvector: logsBloom(value.logs),
    logs: value.logs.map(({ address, topics, data }) => [address, [...topics], data]),
  };
}

function decodeIfValid(bytes: Bytes): Receipt | undefined {
  try {
    return decodeReceipt(bytes);
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}
