import type { Address, Hash } from '../../../../src/protocol/primitives.ts';
import type { StateDiff } from '../../../../src/protocol/state-diff.ts';
import { bigIntToBytes32 } from '../../../../src/util/bytes.ts';

export function word(value: number): Hash {
  return bigIntToBytes32(BigInt(value));
}

/** Addresses ascend with their numbers. */
export function addressOf(number: number): Address {
  return word(number + 1).subarray(12);
}

/** A diff that gives one account a nonce and values to slots from `first` on; a value of zero clears. */
export function slotsDiff(account: number, nonce: number, first: number, values: readonly number[]): StateDiff {
  const slots = values.map((value, i) => ({ key: word(first + i), value: word(value) }));
  return { accounts: [{ address: addressOf(account), nonce: BigInt(nonce), ...(slots.length > 0 && { slots }) }], codes: [] };
}
