import type { Hash } from '../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

export const ALICE = new Uint8Array(20).fill(0xa1);
export const BOB = new Uint8Array(20).fill(0xb0);
export const CAROL = new Uint8Array(20).fill(0x0c);
export const CODE = Uint8Array.of(0x60, 0x01, 0x00);
export const OTHER_CODE = Uint8Array.of(0x5b);

export function word(value: number): Hash {
  return bigIntToBytes32(BigInt(value));
}

export function slots(...pairs: [key: number, value: number][]) {
  return pairs.map(([key, value]) => ({ key: word(key), value: word(value) }));
}

export function diffOf(accounts: readonly AccountDiff[], codes: readonly Bytes[] = []): StateDiff {
  return createStateDiff(accounts, codes);
}

/** Alice has code and slots 1 = 10 and 2 = 20, Bob a balance. */
export const GENESIS = diffOf(
  [
    { address: ALICE, nonce: 1n, balance: 100n, codeHash: keccak256(CODE), slots: slots([1, 10], [2, 20]) },
    { address: BOB, balance: 2n ** 200n },
  ],
  [CODE],
);
