import { describe, expect, test } from 'vitest';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../../../../src/protocol/primitives.ts';
import type { AccountDiff, SlotDiff, StateDiff } from '../../../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../../../src/state/arena/arena-state-trie.ts';
import { StateTrie } from '../../../../src/state/state-trie.ts';
import type { Trie } from '../../../../src/state/trie.ts';
import { collectWitnessNodes, witnessResolver } from '../../../../src/state/trie-witness.ts';
import { type Bytes, bigIntToBytes32 } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';

const address = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const slotKey = (index: number): Hash => bigIntToBytes32(BigInt(index));
const slots = (from: number, count: number, value: bigint): SlotDiff[] =>
  Array.from({ length: count }, (_, i) => ({ key: slotKey(from + i), value: bigIntToBytes32(value) }));
const diffOf = (...accounts: AccountDiff[]): StateDiff => ({ accounts, codes: [] });

/** Applies to both; the roots must agree. */
class Pair {
  readonly arena = new ArenaStateTrie();
  readonly model = StateTrie.empty();

  apply(...accounts: AccountDiff[]): void {
    this.arena.apply(diffOf(...accounts));
    this.model.apply(diffOf(...accounts));
    expect(this.arena.root()).toEqual(this.model.root());
  }
}

describe('accounts', () => {
  test('an empty trie has the empty root, no accounts and empty proofs', () => {
    const trie = new ArenaStateTrie();
    expect(trie.root()).toEqual(EMPTY_TRIE_ROOT);
    expect(trie.account(address(1))).toBeUndefined();
    expect(trie.proveAccount(address(1))).toEqual([]);
    expect(trie.proveSlot(address(1), slotKey(1))).toEqual([]);
    expect(trie.witnessNodes([{ address: address(1), slots: [slotKey(1)] }])).toEqual([]);
    trie.startBlock();
    expect(trie.witnessNodes([{ address: address(1), slots: [slotKey(1)] }])).toEqual([]);
  });

  test('fields of every size are read back', () => {
    const trie = new ArenaStateTrie();
    const nonces = [0n, 1n, 127n, 128n, 2n ** 63n, 2n ** 64n - 1n];
    const balances = [0n, 127n, 128n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 128n + 1n, 2n ** 192n, 2n ** 256n - 1n];
    for (const [i, nonce] of nonces.entries()) {
      for (const [j, balance] of balances.entries()) {
        trie.apply(diffOf({ address: address(i * 100 + j), nonce, balance }));
        expect(trie.account(address(i * 100 + j))).toEqual({
          nonce,
          balance,
          codeHash: EMPTY_CODE_HASH,
          storageRoot: EMPTY_TRIE_ROOT,
        });
      }
    }
  });

  test('addresses that differ in one byte are different accounts', () => {
    const pair = new Pair();
    for (let at = 0; at < 20; at++) {
      const one = new Uint8Array(20);
      one[at] = 1;
      pair.apply({ address: one, nonce: BigInt(at + 1) });
    }
    expect(pair.arena.usage().accounts).toBe(20);
    pair.apply({ address: new Uint8Array(20), nonce: 99n });
    expect(pair.arena.account(new Uint8Array(20))?.nonce).toBe(99n);
  });

  test('code comes and goes', () => {
    const pair = new Pair();
    pair.apply({ address: address(1), nonce: 1n, codeHash: EMPTY_CODE_HASH });
    expect(pair.arena.usage().contracts).toBe(0);
    pair.apply({ address: address(1), codeHash: keccak256(Uint8Array.of(1)) });
    pair.apply({ address: address(1), codeHash: EMPTY_CODE_HASH });
    expect(pair.arena.account(address(1))?.codeHash).toEqual(EMPTY_CODE_HASH);
  });
});

describe('storage', () => {
  test('goes with its account and does not come back with it', () => {
    const pair = new Pair();
    pair.apply(
      { address: address(1), nonce: 1n, slots: slots(0, 300, 5n) },
      { address: address(2), nonce: 1n, slots: slots(0, 3, 7n) },
    );
    for (const inBlock of [false, true]) {
      if (inBlock) pair.arena.startBlock();
      pair.apply({ address: address(1), deleted: true });
      expect(pair.arena.account(address(1))).toBeUndefined();
      pair.apply({ address: address(1), nonce: 2n });
      expect(pair.arena.account(address(1))?.storageRoot).toEqual(EMPTY_TRIE_ROOT);
      pair.apply({ address: address(1), slots: slots(100, 300, 6n) });
      pair.apply({ address: address(1), slots: slots(0, 300, 0n) });
    }
  });

  test('deleted, made again and deleted within one block still proves the state before it', () => {
    const pair = new Pair();
    pair.apply({ address: address(1), nonce: 1n, slots: slots(0, 40, 5n) }, { address: address(2), balance: 3n });
    pair.arena.startBlock();
    const pre = pair.arena.root();
    const before = pair.model.storageSnapshot(address(1));
    const wanted = [{ address: address(1), slots: slots(0, 40, 0n).map(({ key }) => key) }];
    const steps: AccountDiff[] = [
      { address: address(1), slots: slots(0, 10, 9n) },
      { address: address(1), deleted: true },
      { address: address(1), nonce: 7n, slots: slots(20, 40, 8n) },
      { address: address(1), deleted: true },
    ];
    for (const step of steps) {
      pair.apply(step);
      const partial = StateTrie.fromRoot(pre, witnessResolver(pair.arena.witnessNodes(wanted)));
      partial.apply(diffOf({ address: address(1), slots: slots(0, 40, 9n) }));
      const expected = before?.snapshot();
      for (const { key } of slots(0, 40, 0n)) expected?.put(keccak256(key), Uint8Array.of(9));
      partial.root();
      expect(partial.storageSnapshot(address(1))?.root()).toEqual(expected?.root());
    }
  });

  test('of a deleted account is given back little by little', () => {
    const trie = new ArenaStateTrie();
    trie.startBlock();
    trie.apply(diffOf({ address: address(1), nonce: 1n, slots: slots(0, 30_000, 5n) }));
    trie.startBlock();
    trie.apply(diffOf({ address: address(1), deleted: true }));
    trie.startBlock();
    const afterOne = trie.usage().slots;
    expect(afterOne).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) trie.startBlock();
    expect(trie.usage()).toMatchObject({ accounts: 0, contracts: 0, slots: 0, branches: 0 });
    const { usedBytes } = trie.usage();
    trie.apply(diffOf({ address: address(1), nonce: 1n, slots: slots(0, 30_000, 6n) }));
    expect(trie.usage().usedBytes).toBe(usedBytes);
  });
});

describe('blocks', () => {
  test('a witness is of the state before the block until the next begins', () => {
    const trie = new ArenaStateTrie();
    trie.apply(diffOf(...Array.from({ length: 50 }, (_, i) => ({ address: address(i), nonce: 1n }))));
    const keys = [{ address: address(7), slots: [] }];
    trie.startBlock();
    const before = trie.proveAccount(address(7));
    trie.apply(diffOf({ address: address(7), nonce: 2n }));
    expect(trie.witnessNodes(keys)).toEqual(before);
    expect(trie.proveAccount(address(7))).not.toEqual(before);
    trie.startBlock();
    expect(trie.witnessNodes(keys)).toEqual(trie.proveAccount(address(7)));
  });

  test('large and small ones in turn have the witnesses of the pointer trie', () => {
    const pair = new Pair();
    const accounts = Array.from({ length: 3_000 }, (_, i) => ({ address: address(i), nonce: 1n }));
    pair.apply(...accounts, { address: address(9_999), nonce: 1n, slots: slots(0, 3_000, 7n) });
    pair.arena.startBlock();
    for (const count of [3_000, 1, 500, 3_000, 0, 20]) {
      const keys = accounts.slice(0, count).map((account) => ({ address: account.address, slots: [] as Hash[] }));
      const slotKeys = slots(0, count, 0n).map(({ key }) => key);
      const hashes = [...keys, { address: address(9_999) }].map((key) => keccak256(key.address));
      const inStorage = collectWitnessNodes(pair.model.storageSnapshot(address(9_999)) as Trie, slotKeys.map(keccak256), []);
      expect(pair.arena.witnessNodes([...keys, { address: address(9_999), slots: slotKeys }])).toEqual([
        ...collectWitnessNodes(pair.model.accountsSnapshot(), hashes, []),
        ...inStorage,
      ]);
    }
  });

  test('one after the other, over the same keys, take no more memory', () => {
    const trie = new ArenaStateTrie();
    const round = (value: bigint): void => {
      trie.startBlock();
      trie.apply(diffOf({ address: address(1), nonce: value, slots: slots(0, 5_000, value) }));
      trie.apply(diffOf({ address: address(1), slots: slots(0, 2_500, 0n) }));
    };
    for (let i = 1; i < 4; i++) round(BigInt(i));
    const { usedBytes } = trie.usage();
    for (let i = 4; i < 10; i++) round(BigInt(i));
    expect(trie.usage().usedBytes).toBe(usedBytes);
  });
});

test('a state that outgrows its memory is an error, and every call after it', () => {
  const trie = new ArenaStateTrie({ maxBytes: 2 * 1024 * 1024 });
  const fill = (): void => {
    for (let i = 0; i < 100; i++) trie.apply(diffOf({ address: address(i), nonce: 1n, slots: slots(0, 500, 5n) }));
  };
  expect(strobeCodeOf(fill)).toBe('TRIE_ARENA_FAILED');
  for (const call of [() => trie.root(), () => trie.startBlock(), () => trie.proveAccount(address(1)), fill]) {
    expect(strobeCodeOf(call)).toBe('TRIE_ARENA_FAILED');
  }
});

test('thirteen thousand keys have the root of the pointer trie, also after half of them have gone', () => {
  const pair = new Pair();
  pair.apply(...Array.from({ length: 5_000 }, (_, i) => ({ address: address(i), nonce: 1n, balance: BigInt(i) })));
  pair.apply({ address: address(1), slots: slots(0, 8_000, 77n) });
  pair.arena.startBlock();
  pair.apply(...Array.from({ length: 2_500 }, (_, i) => ({ address: address(i * 2), deleted: true as const })));
  pair.apply({ address: address(1), slots: slots(0, 4_000, 0n) });
  expect(pair.arena.usage().accounts).toBeGreaterThan(2_500);
});
