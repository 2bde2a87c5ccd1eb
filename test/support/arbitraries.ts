import fc from 'fast-check';
import type { BlockHeader } from '../../src/protocol/block-header.ts';
import { type Address, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { type Log, logsBloom, type Receipt } from '../../src/protocol/receipt.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import type { Witness } from '../../src/protocol/witness.ts';
import { type Bytes, bigIntToBytes32, toKey } from '../../src/util/bytes.ts';

/** Arbitrary values of the protocol's types; small and clustered ones are likelier, since edges are where bugs are. */

export const bytesOf = (length: number): fc.Arbitrary<Bytes> => fc.uint8Array({ minLength: length, maxLength: length });
export const bytesUpTo = (maxLength: number): fc.Arbitrary<Bytes> => fc.uint8Array({ maxLength });
export const hash: fc.Arbitrary<Hash> = bytesOf(32);
export const address: fc.Arbitrary<Address> = bytesOf(20);
export const uint = (bits: number): fc.Arbitrary<bigint> => {
  const max = 2n ** BigInt(bits) - 1n;
  return fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, max), fc.constantFrom(0n, 1n, 127n, 128n, 255n, 256n, max));
};
/** Any number that the protocol carries as one. */
export const count = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constantFrom(0, 1, 127, 128, Number.MAX_SAFE_INTEGER));
/** Numbers that start at 1. */
export const position = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
/** Numbers with 6 bytes in a header. */
const headerNumber = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 48 - 1 }));

export const log: fc.Arbitrary<Log> = fc.record({ address, topics: fc.array(hash, { maxLength: 4 }), data: bytesUpTo(70) });

export const receipt: fc.Arbitrary<Receipt> = fc.record({
  type: fc.constantFrom(0, 1, 2, 4),
  status: fc.constantFrom(0, 1),
  cumulativeGasUsed: uint(64),
  logs: fc.array(log, { maxLength: 3 }),
});

export const header: fc.Arbitrary<BlockHeader> = fc.record({
  parentHash: hash,
  coinbase: address,
  stateRoot: hash,
  transactionsRoot: hash,
  receiptsRoot: hash,
  logsBloom: fc.array(log, { maxLength: 2 }).map(logsBloom),
  number: headerNumber,
  gasLimit: uint(64),
  gasUsed: uint(64),
  timestamp: headerNumber,
  extraData: bytesUpTo(32),
  prevRandao: hash,
  baseFeePerGas: uint(256),
});

/** A few addresses and slots over and over, so that diffs of one history meet. */
export const fewAddresses: fc.Arbitrary<Address> = fc.integer({ min: 1, max: 12 }).map((n) => new Uint8Array(20).fill(n));
export const fewSlots: fc.Arbitrary<Hash> = fc.integer({ min: 0, max: 9 }).map((n) => bigIntToBytes32(BigInt(n)));
export const slotValue: fc.Arbitrary<Hash> = fc.oneof(fc.constant(ZERO_HASH), uint(256).map(bigIntToBytes32), hash);

const slots = (key: fc.Arbitrary<Hash>): fc.Arbitrary<SlotDiff[]> =>
  fc
    .uniqueArray(fc.record({ key, value: slotValue }), { minLength: 1, maxLength: 6, selector: (slot) => toKey(slot.key) })
    .map(sortSlots);

/** Any diff that has an encoding; whether a state fits below it is another matter. */
export const stateDiff: fc.Arbitrary<StateDiff> = fc
  .tuple(
    fc.uniqueArray(accountDiff(fc.oneof(address, fewAddresses)), { maxLength: 6, selector: (diff) => toKey(diff.address) }),
    fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 3, selector: toKey }),
  )
  .map(([accounts, codes]) => createStateDiff(accounts, codes));

function accountDiff(key: fc.Arbitrary<Address>): fc.Arbitrary<AccountDiff> {
  const changes: fc.Arbitrary<Omit<AccountDiff, 'address' | 'deleted'>> = fc
    .record({ nonce: uint(64), balance: uint(256), codeHash: hash, slots: slots(fc.oneof(fewSlots, hash)) }, { requiredKeys: [] })
    .filter((fields) => Object.keys(fields).length > 0);
  const fields = fc.oneof({ arbitrary: changes, weight: 5 }, { arbitrary: fc.constant({ deleted: true } as const), weight: 1 });
  return fc.tuple(key, fields).map(([address, rest]) => ({ address, ...rest }));
}

export const witness: fc.Arbitrary<Witness> = fc.record({
  headers: fc.array(bytesUpTo(40), { maxLength: 3 }),
  nodes: fc.array(bytesUpTo(80), { maxLength: 4 }),
  codes: fc.array(bytesUpTo(60), { maxLength: 2 }),
  keys: fc.array(fc.record({ address, slots: fc.array(hash, { maxLength: 3 }) }), { maxLength: 3 }),
});
