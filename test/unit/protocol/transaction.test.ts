import { describe, expect, test } from 'vitest';
import { MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import { encodeRlp, fromNumber, type RlpItem } from '../../../src/protocol/rlp.ts';
import { decodeTransaction, effectiveGasPrice } from '../../../src/protocol/transaction.ts';
import { type Bytes, concatBytes, EMPTY_BYTES } from '../../../src/util/bytes.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const one = Uint8Array.of(1);
const address = new Uint8Array(20).fill(7);
const authorization: readonly RlpItem[] = [one, address, EMPTY_BYTES, one, one, one];
/** chainId, nonce, tip, fee, gas, to, value, data, access list, then authorizations (type 4), then yParity, r, s. */
const feeMarket: readonly RlpItem[] = [one, one, one, one, one, address, one, one, [], EMPTY_BYTES, one, one];
const setCode: readonly RlpItem[] = feeMarket.toSpliced(9, 0, [authorization]);

const raw = (type: number, fields: readonly RlpItem[]): Bytes => concatBytes(Uint8Array.of(type), encodeRlp(fields));
const codeOf = (type: number, fields: readonly RlpItem[]): string => strobeCodeOf(() => decodeTransaction(raw(type, fields)));
const withAuthorization = (index: number, item: RlpItem): string => codeOf(4, setCode.with(9, [authorization.with(index, item)]));

test('the bare minimum of types 2 and 4 decodes', () => {
  expect(decodeTransaction(raw(2, feeMarket))).toMatchObject({ type: 2, nonce: 1n, authorizationList: [] });
  expect(decodeTransaction(raw(4, setCode)).authorizationList).toEqual([
    { chainId: 1n, address, nonce: 0n, yParity: 1, r: 1n, s: 1n },
  ]);
});

describe('an authorization is refused', () => {
  test.each<[string, number, RlpItem]>([
    ['with leading zeros in r', 4, Uint8Array.of(0, 1)],
    ['with leading zeros in s', 5, Uint8Array.of(0, 1)],
    ['with an r of 33 bytes', 4, new Uint8Array(33).fill(1)],
    ['with an s of 33 bytes', 5, new Uint8Array(33).fill(1)],
    ['with a yParity above a byte', 3, Uint8Array.of(1, 0)],
    ['with a nonce above 64 bits', 2, new Uint8Array(9).fill(1)],
    ['with a short address', 1, address.subarray(1)],
    ['with a chain id above 256 bits', 0, new Uint8Array(33).fill(1)],
    ['with a list for a number', 2, []],
  ])('%s', (_, index, item) => {
    expect(withAuthorization(index, item)).toBe('INVALID_RLP');
  });

  test('when a field is missing or too many', () => {
    expect(codeOf(4, setCode.with(9, [authorization.slice(1)]))).toBe('INVALID_RLP');
    expect(codeOf(4, setCode.with(9, [[...authorization, one]]))).toBe('INVALID_RLP');
  });

  test('but taken when its signature can never be good: the transaction is valid all the same (EIP-7702)', () => {
    expect(withAuthorization(3, Uint8Array.of(200))).toBe('no error');
    expect(withAuthorization(5, new Uint8Array(32).fill(255))).toBe('no error');
    expect(withAuthorization(4, EMPTY_BYTES)).toBe('no error');
  });
});

describe('refused with geth’s wording', () => {
  test.each<[string, number, readonly RlpItem[], string]>([
    ['no authorization', 4, setCode.with(9, []), 'EIP-7702 transaction with empty auth list'],
    ['a creation of type 4', 4, setCode.with(5, EMPTY_BYTES), 'EIP-7702 transaction cannot be used to create contract'],
    ['a tip above the fee', 2, feeMarket.with(2, Uint8Array.of(2)), 'max priority fee per gas higher than max fee per gas'],
    ['the highest nonce', 2, feeMarket.with(1, new Uint8Array(8).fill(255)), 'nonce has max value'],
    ['a high s', 2, feeMarket.with(11, new Uint8Array(32).fill(255)), 'invalid transaction v, r, s values'],
    ['no r', 2, feeMarket.with(10, EMPTY_BYTES), 'invalid transaction v, r, s values'],
  ])('%s', (_, type, fields, message) => {
    expect(() => decodeTransaction(raw(type, fields))).toThrow(message);
    expect(codeOf(type, fields)).toBe('INVALID_TRANSACTION');
  });

  test('blobs, unknown types and what is too long', () => {
    expect(() => decodeTransaction(raw(3, feeMarket))).toThrow('transaction type not supported');
    for (const type of [0, 3, 5, 0x7f, 0x80, 0xbf]) expect(codeOf(type, feeMarket)).toBe('TRANSACTION_TYPE_NOT_SUPPORTED');
    const long = raw(2, feeMarket.with(7, new Uint8Array(MAX_TRANSACTION_BYTES)));
    expect(() => decodeTransaction(long)).toThrow('oversized data');
    const largest = raw(2, feeMarket.with(7, new Uint8Array(MAX_TRANSACTION_BYTES - 50)));
    expect(largest.length).toBeLessThanOrEqual(MAX_TRANSACTION_BYTES);
    expect(strobeCodeOf(() => decodeTransaction(largest))).toBe('no error');
  });
});

test('a legacy v says chain and parity, or is refused', () => {
  const legacy = (v: bigint): Bytes => encodeRlp([one, one, one, address, one, one, fromNumber(v), one, one]);
  expect(decodeTransaction(legacy(27n))).toMatchObject({ chainId: undefined, yParity: 0 });
  expect(decodeTransaction(legacy(28n))).toMatchObject({ chainId: undefined, yParity: 1 });
  expect(decodeTransaction(legacy(37n))).toMatchObject({ chainId: 1n, yParity: 0, v: 37n });
  expect(decodeTransaction(legacy(38n))).toMatchObject({ chainId: 1n, yParity: 1 });
  expect(decodeTransaction(legacy(2n ** 255n))).toMatchObject({ chainId: (2n ** 255n - 35n) / 2n });
  for (const v of [0n, 1n, 26n, 29n, 34n]) expect(strobeCodeOf(() => decodeTransaction(legacy(v)))).toBe('INVALID_TRANSACTION');
});

test('the effective gas price is the base fee with the tip, below the cap', () => {
  const price = (fee: bigint, tip: bigint, base: bigint) =>
    effectiveGasPrice({ maxFeePerGas: fee, maxPriorityFeePerGas: tip }, base);
  expect(price(100n, 10n, 50n)).toBe(60n);
  expect(price(55n, 10n, 50n)).toBe(55n);
  expect(price(100n, 0n, 50n)).toBe(50n);
  expect(price(60n, 10n, 50n)).toBe(60n);
});
