import fc from 'fast-check';
import { keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { signTransaction } from '../../../src/bench/transaction-encoder.ts';
import { toHex } from '../../../src/util/bytes.ts';

const wei = fc.bigInt({ min: 0n, max: 2n ** 100n });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const request = fc
  .record({
    chainId: fc.bigInt({ min: 1n, max: 2n ** 40n }),
    nonce: fc.nat(),
    maxPriorityFeePerGas: wei,
    maxFeePerGas: wei,
    gasLimit: fc.bigInt({ min: 0n, max: 2n ** 24n }),
    to: fc.option(bytes(20)),
    value: wei,
    // Around the RLP limits of one byte, 55 and 255 bytes, and far above.
    data: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ minLength: 250, maxLength: 300 }),
      fc.uint8Array({ minLength: 65_530, maxLength: 65_550 }),
    ),
  })
  .filter(({ maxPriorityFeePerGas, maxFeePerGas }) => maxPriorityFeePerGas <= maxFeePerGas);

const privateKey = bytes(32).filter((key) => key[0] !== 0xff && key.some((byte) => byte !== 0));

describe('signTransaction', () => {
  it('gives the bytes and the hash that viem gives', async () => {
    await fc.assert(
      fc.asyncProperty(request, privateKey, async (fields, key) => {
        const { gasLimit, to, data, chainId, ...rest } = fields;
        const account = privateKeyToAccount(toHex(key));
        const expected = await account.signTransaction({
          ...rest,
          type: 'eip1559',
          chainId: Number(chainId),
          gas: gasLimit,
          to: to === null ? null : toHex(to),
          data: toHex(data),
        });
        const { raw, hash } = signTransaction(fields, key);
        expect(toHex(raw)).toBe(expected);
        expect(toHex(hash)).toBe(keccak256(expected));
      }),
      { numRuns: 200 },
    );
  });
});
