import type { Hash } from '../../src/protocol/primitives.ts';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, concatBytes, fromKey, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

/** The rule of PROTOCOL section 4 in the plainest words: lists, and look-ups that walk through them. */
export class RegistryModel {
  readonly accounts: string[] = [];
  readonly slots: { readonly accountId: number; readonly key: string }[] = [];
  digest: Hash = new Uint8Array(32);

  commit(diff: StateDiff): void {
    for (const { address } of diff.accounts) {
      if (this.accounts.includes(toKey(address))) continue;
      this.#extend(0, this.accounts.push(toKey(address)) - 1, address);
    }
    const fresh = diff.accounts.flatMap(({ address, slots }) =>
      (slots ?? []).map(({ key }) => ({ accountId: this.accounts.indexOf(toKey(address)), key: toKey(key) })),
    );
    fresh.sort((a, b) => a.accountId - b.accountId || (a.key < b.key ? -1 : 1));
    for (const slot of fresh) {
      if (this.slots.some((known) => known.accountId === slot.accountId && known.key === slot.key)) continue;
      this.#extend(1, this.slots.push(slot) - 1, concatBytes(uint64(slot.accountId), fromKey(slot.key)));
    }
  }

  #extend(kind: number, id: number, key: Bytes): void {
    this.digest = keccak256(concatBytes(this.digest, Uint8Array.of(kind), uint64(id), key));
  }
}

function uint64(value: number): Bytes {
  return bigIntToBytes32(BigInt(value)).subarray(24);
}
