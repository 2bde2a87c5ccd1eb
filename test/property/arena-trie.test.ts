import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { encodeStateDiff, isClearedSlot, type StateDiff } from '../../src/protocol/state-diff.ts';
import { encodeWitness, type WitnessKey } from '../../src/protocol/witness.ts';
import { ArenaStateTrie } from '../../src/state/arena/arena-state-trie.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { Trie } from '../../src/state/trie.ts';
import { verifyProof } from '../../src/state/trie-proof.ts';
import { collectWitnessNodes, witnessResolver } from '../../src/state/trie-witness.ts';
import { verifyRootTransition } from '../../src/state/witness/witness-check.ts';
import { type Bytes, EMPTY_BYTES, fromKey, isZeroBytes, toKey, trimLeadingZeros } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { fewAddresses, fewSlots, stateDiff } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';
import { RawStorageTrie } from '../unit/state/arena/raw-storage-trie.ts';

/** Blocks that are looked back at: fewer than a history has, so that some are forgotten. */
const KEPT_VIEWS = 3;

interface Write {
  readonly key: Bytes;
  /** Empty deletes. */
  readonly value: Bytes;
}

// Keys that differ in few bytes share paths of every length; those that part near the end have embedded nodes.
const place = fc.constantFrom(0, 1, 2, 15, 28, 29, 30, 31, 31, 31);
const pathByte = fc.constantFrom(0x01, 0x10, 0x11, 0x12, 0x1f, 0xf0);
const craftedKey = fc.array(fc.tuple(place, pathByte), { maxLength: 4 }).map((edits) => {
  const key = new Uint8Array(32);
  for (const [at, byte] of edits) key[at] = byte;
  return key;
});
const leafValue = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 2 }).filter((value) => value[0] !== 0),
  fc.uint8Array({ minLength: 1, maxLength: 35 }),
);
const anyValue = fc.oneof({ arbitrary: leafValue, weight: 3 }, { arbitrary: fc.constant(EMPTY_BYTES), weight: 2 });
const write: fc.Arbitrary<Write> = fc.record({ key: craftedKey, value: anyValue });
const miniBlock = fc.array(write, { minLength: 1, maxLength: 25 });
const block = fc.record({
  miniBlocks: fc.array(miniBlock, { minLength: 1, maxLength: 4 }),
  reads: fc.array(craftedKey, { maxLength: 4 }),
});
const blocks = fc.array(block, { minLength: 1, maxLength: 5 });

describe('a trie of crafted keys', () => {
  test('has the roots, proofs and witnesses of the pointer trie, block by block', () => {
    fc.assert(
      fc.property(blocks, (history) => {
        const trie = new RawStorageTrie();
        const model = Trie.empty(32);
        const known = new Map<string, Bytes>();
        for (const { miniBlocks, reads } of history) {
          trie.startBlock();
          const before = model.snapshot();
          const touched = miniBlocks.flat();
          for (const writes of miniBlocks) {
            for (const { key, value } of writes) {
              trie.put(key, value);
              model.put(key, value);
              known.set(toKey(key), key);
            }
            expect(trie.root()).toEqual(model.root());
          }
          for (const key of [...known.values(), ...reads]) expect(trie.prove(key)).toEqual(model.prove(key));
          const deleted = touched.filter(({ value }) => value.length === 0).map(({ key }) => key);
          const covered = [...touched.map(({ key }) => key), ...reads];
          expect(trie.witness(covered, deleted)).toEqual(collectWitnessNodes(before, covered, deleted));
          expect(trie.witness([...known.values()], [])).toEqual(collectWitnessNodes(before, [...known.values()], []));
        }
      }),
      runs(80),
    );
  });

  test('proves every key as it was at the begin of each of the last blocks', () => {
    fc.assert(
      fc.property(fc.array(block, { minLength: 2, maxLength: 8 }), (history) => {
        const trie = new RawStorageTrie();
        const model = Trie.empty(32);
        const known = new Map<string, Bytes>();
        const views = new Map<number, Trie>();
        for (const { miniBlocks, reads } of history) {
          const newest = trie.startBlock(KEPT_VIEWS);
          views.set(newest, model.snapshot());
          views.delete(newest - KEPT_VIEWS);
          for (const writes of miniBlocks) {
            for (const { key, value } of writes) {
              trie.put(key, value);
              model.put(key, value);
              known.set(toKey(key), key);
            }
          }
          for (const [view, expected] of views) {
            for (const key of [...known.values(), ...reads]) expect(trie.proveIn(view, key)).toEqual(expected.prove(key));
          }
        }
      }),
      runs(80),
    );
  });

  test('has the roots and values of ethereumjs, write by write', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 40 }), async (writes) => {
        const trie = new RawStorageTrie();
        const reference = new MerklePatriciaTrie();
        for (const { key, value } of writes) {
          trie.put(key, value);
          if (value.length > 0) await reference.put(key, value);
          else await reference.del(key);
          expect(trie.root()).toEqual(reference.root());
        }
        for (const { key } of writes) {
          expect(verifyProof(trie.root(), key, trie.prove(key)) ?? null).toEqual(await reference.get(key));
        }
      }),
      runs(80),
    );
  });

  test('gives back all records when all keys are gone', () => {
    fc.assert(
      fc.property(blocks, (history) => {
        const trie = new RawStorageTrie();
        trie.put(new Uint8Array(32), Uint8Array.of(1));
        trie.startBlock();
        trie.put(new Uint8Array(32), EMPTY_BYTES);
        for (const { miniBlocks } of history) {
          for (const { key, value } of miniBlocks.flat()) trie.put(key, value);
          trie.startBlock();
        }
        for (const { key } of history.flatMap(({ miniBlocks }) => miniBlocks.flat())) trie.put(key, EMPTY_BYTES);
        expect(trie.root()).toEqual(EMPTY_TRIE_ROOT);
        // Copies of one block go when the next begins; the account and its contract record stay.
        trie.startBlock();
        trie.startBlock();
        const left = [0, 1, 2, 3, 4, 5, 6].map((kind) => trie.arena.recordCount(kind));
        expect(left).toEqual([0, 1, 1, 0, 0, 0, 0]);
      }),
      runs(100),
    );
  });
});

/** What block-roots.ts did with the pointer trie: the reference for the state before a block. */
class ReferenceBlock {
  readonly #state: StateTrie;
  readonly #accounts: Trie;
  readonly #storage = new Map<string, Trie | undefined>();
  readonly #deleted = new Map<string, { account: boolean; slots: Map<string, Hash> }>();

  constructor(state: StateTrie) {
    state.root();
    this.#state = state;
    this.#accounts = state.accountsSnapshot();
  }

  apply(diff: StateDiff): void {
    for (const { address, slots, deleted } of diff.accounts) {
      const name = toKey(address);
      if (!this.#storage.has(name)) this.#storage.set(name, this.#state.storageSnapshot(address));
      const entry = this.#deleted.get(name) ?? { account: false, slots: new Map() };
      entry.account ||= deleted === true;
      for (const { key } of slots?.filter(isClearedSlot) ?? []) entry.slots.set(toKey(key), key);
      this.#deleted.set(name, entry);
    }
    this.#state.apply(diff);
  }

  witnessNodes(keys: readonly WitnessKey[]): Bytes[] {
    const nodes = new Map<string, Bytes>();
    const add = (collected: readonly Bytes[]): void => {
      for (const node of collected) nodes.set(toKey(keccak256(node)), node);
    };
    const deleted = keys.filter(({ address }) => this.#deleted.get(toKey(address))?.account);
    const hashes = (of: readonly WitnessKey[]): Hash[] => of.map(({ address }) => keccak256(address));
    add(collectWitnessNodes(this.#accounts, hashes(keys), hashes(deleted)));
    for (const { address, slots } of keys) {
      const name = toKey(address);
      const storage = this.#storage.has(name) ? this.#storage.get(name) : this.#state.storageSnapshot(address);
      if (storage === undefined || slots.length === 0) continue;
      const cleared = [...(this.#deleted.get(name)?.slots.values() ?? [])];
      add(collectWitnessNodes(storage, slots.map(keccak256), cleared.map(keccak256)));
    }
    return [...nodes.values()];
  }
}

const stateBlock = fc.record({
  diffs: fc.array(stateDiff, { minLength: 1, maxLength: 4 }),
  reads: fc.array(fc.record({ address: fewAddresses, slots: fc.array(fewSlots, { maxLength: 3 }) }), { maxLength: 3 }),
});
const stateHistory = fc.array(stateBlock, { minLength: 1, maxLength: 6 });

/** Every address once, with all of its slots. */
function keysOf(diffs: readonly StateDiff[], reads: readonly WitnessKey[]): WitnessKey[] {
  const touched = diffs.flatMap(({ accounts }) =>
    accounts.map(({ address, slots }) => ({ address, slots: (slots ?? []).map(({ key }) => key) })),
  );
  const byAddress = new Map<string, Map<string, Hash>>();
  for (const { address, slots } of [...touched, ...reads]) {
    const known = byAddress.get(toKey(address)) ?? new Map<string, Hash>();
    for (const slot of slots) known.set(toKey(slot), slot);
    byAddress.set(toKey(address), known);
  }
  return [...byAddress].map(([address, slots]) => ({ address: fromKey(address), slots: [...slots.values()] }));
}

describe('a state', () => {
  test('has the roots, witnesses, accounts and proofs of the pointer trie, block by block', () => {
    fc.assert(
      fc.property(stateHistory, (history) => {
        const arena = new ArenaStateTrie();
        const model = StateTrie.empty();
        for (const { diffs, reads } of history) {
          arena.startBlock();
          const preStateRoot = arena.root();
          const reference = new ReferenceBlock(model);
          for (const diff of diffs) {
            arena.apply(diff);
            reference.apply(diff);
            expect(arena.root()).toEqual(model.root());
          }
          const keys = keysOf(diffs, reads);
          const nodes = arena.witnessNodes(keys);
          expect(nodes).toEqual(reference.witnessNodes(keys));
          checkTransition(nodes, preStateRoot, diffs, arena.root());
          checkProofs(arena, model, keys);
        }
      }),
      runs(120),
    );
  });

  test('is proven, account by account and slot by slot, as it was at the begin of each of the last blocks', () => {
    fc.assert(
      fc.property(fc.array(stateBlock, { minLength: 2, maxLength: 8 }), (history) => {
        const arena = new ArenaStateTrie({ keepsViews: true });
        const model = StateTrie.empty();
        const views: PastView[] = [];
        const everything = keysOf(
          history.flatMap(({ diffs }) => diffs),
          history.flatMap(({ reads }) => reads),
        );
        for (const { diffs } of history) {
          views.push({ view: arena.startBlock(), ...pastOf(model, everything) });
          while (views.length > KEPT_VIEWS) {
            views.shift();
            expect(arena.forgetOldestView()).toBe(views[0]?.view);
          }
          for (const diff of diffs) {
            arena.apply(diff);
            model.apply(diff);
          }
          for (const past of views) checkView(arena, past, everything);
          expect(arena.root()).toEqual(model.root());
        }
      }),
      runs(100),
    );
  });

  test('that only loads has the roots of the pointer trie, and its blocks begin when they are asked to', () => {
    fc.assert(
      fc.property(fc.array(stateDiff, { minLength: 1, maxLength: 6 }), stateHistory, (loaded, history) => {
        const arena = new ArenaStateTrie();
        const model = StateTrie.empty();
        for (const diff of loaded) {
          arena.apply(diff);
          model.apply(diff);
        }
        expect(arena.root()).toEqual(model.root());
        for (const { diffs } of history) {
          arena.startBlock();
          for (const diff of diffs) {
            arena.apply(diff);
            model.apply(diff);
          }
        }
        expect(arena.root()).toEqual(model.root());
      }),
      runs(100),
    );
  });

  test('has the root of ethereumjs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stateDiff, { minLength: 1, maxLength: 8 }), async (diffs) => {
        const arena = new ArenaStateTrie();
        const state = new Map<string, { nonce: bigint; balance: bigint; codeHash?: Hash; slots: Map<string, Bytes> }>();
        for (const diff of diffs) {
          arena.apply(diff);
          for (const { address, deleted, slots, ...fields } of diff.accounts) {
            const name = toKey(address);
            if (deleted) {
              state.delete(name);
              continue;
            }
            const old = state.get(name) ?? { nonce: 0n, balance: 0n, slots: new Map<string, Bytes>() };
            for (const slot of slots ?? []) {
              if (isClearedSlot(slot)) old.slots.delete(toKey(slot.key));
              else old.slots.set(toKey(slot.key), encodeRlp(trimLeadingZeros(slot.value)));
            }
            state.set(name, { ...old, ...fields });
          }
        }
        const accounts = new MerklePatriciaTrie({ useKeyHashing: true });
        for (const [name, { nonce, balance, codeHash, slots }] of state) {
          const storage = new MerklePatriciaTrie({ useKeyHashing: true });
          for (const [key, value] of slots) await storage.put(fromKey(key), value);
          const leaf = [fromNumber(nonce), fromNumber(balance), storage.root(), codeHash ?? keccak256(EMPTY_BYTES)];
          await accounts.put(fromKey(name), encodeRlp(leaf));
        }
        expect(arena.root()).toEqual(accounts.root());
      }),
      runs(60),
    );
  });
});

/** The witness must let a stranger go from root to root, diff by diff, and by the diff of a block of one. */
function checkTransition(nodes: readonly Bytes[], preStateRoot: Hash, diffs: readonly StateDiff[], postStateRoot: Hash): void {
  const partial = StateTrie.fromRoot(preStateRoot, witnessResolver(nodes));
  for (const diff of diffs) {
    partial.apply(diff);
    partial.root();
  }
  expect(partial.root()).toEqual(postStateRoot);
  const [diff, ...others] = diffs;
  if (diff === undefined || others.length > 0) return;
  const witness = encodeWitness({ nodes, keys: [], codes: [], headers: [] });
  verifyRootTransition(witness, { preStateRoot, postStateRoot, diffBytes: encodeStateDiff(diff) });
}

function checkProofs(arena: ArenaStateTrie, model: StateTrie, keys: readonly WitnessKey[]): void {
  const accounts = model.accountsSnapshot();
  for (const { address, slots } of keys) {
    const accountProof = arena.proveAccount(address);
    expect(accountProof).toEqual(accounts.prove(keccak256(address)));
    const account = arena.account(address);
    const leaf = verifyProof(arena.root(), keccak256(address), accountProof);
    expect(leaf === undefined).toBe(account === undefined);
    if (account === undefined) continue;
    const { nonce, balance, storageRoot, codeHash } = account;
    expect(encodeRlp([fromNumber(nonce), fromNumber(balance), storageRoot, codeHash])).toEqual(leaf);
    const storage = model.storageSnapshot(address);
    for (const slot of slots) expect(arena.proveSlot(address, slot)).toEqual(storage?.prove(keccak256(slot)) ?? []);
  }
}

/** The tries of the reference when a view began. */
interface PastView {
  readonly view: number;
  readonly root: Hash;
  readonly accounts: Trie;
  readonly storage: ReadonlyMap<string, Trie | undefined>;
}

function pastOf(model: StateTrie, keys: readonly WitnessKey[]): Omit<PastView, 'view'> {
  const root = model.root();
  const storage = new Map(keys.map(({ address }) => [toKey(address), model.storageSnapshot(address)]));
  return { root, accounts: model.accountsSnapshot(), storage };
}

function checkView(arena: ArenaStateTrie, { view, root, accounts, storage }: PastView, keys: readonly WitnessKey[]): void {
  for (const { address, slots } of keys) {
    const proof = arena.proof(view, address, slots);
    expect(proof.accountProof).toEqual(accounts.prove(keccak256(address)));
    const leaf = verifyProof(root, keccak256(address), proof.accountProof);
    expect(leaf === undefined).toBe(proof.account === undefined);
    if (proof.account === undefined) {
      for (const { value, proof: nodes } of proof.slots) expect([value, nodes]).toEqual([ZERO_HASH, []]);
      continue;
    }
    const { nonce, balance, storageRoot, codeHash } = proof.account;
    expect(encodeRlp([fromNumber(nonce), fromNumber(balance), storageRoot, codeHash])).toEqual(leaf);
    const trie = storage.get(toKey(address)) ?? Trie.empty(32);
    expect(storageRoot).toEqual(trie.root());
    for (const { key, value, proof: nodes } of proof.slots) {
      expect(nodes).toEqual(trie.prove(keccak256(key)));
      const stored = verifyProof(storageRoot, keccak256(key), nodes);
      expect(stored === undefined ? EMPTY_BYTES : stored).toEqual(
        isZeroBytes(value) ? EMPTY_BYTES : encodeRlp(trimLeadingZeros(value)),
      );
    }
  }
}
