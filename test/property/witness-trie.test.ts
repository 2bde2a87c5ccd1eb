import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeAccountLeaf } from '../../src/protocol/account-leaf.ts';
import { EMPTY_CODE_HASH, type Hash } from '../../src/protocol/primitives.ts';
import { encodeRlp } from '../../src/protocol/rlp.ts';
import { createStateDiff, encodeStateDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { encodeWitness } from '../../src/protocol/witness.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { Trie } from '../../src/state/trie.ts';
import { collectWitnessNodes, witnessResolver } from '../../src/state/trie-witness.ts';
import { verifyRootTransition } from '../../src/state/witness/witness-check.ts';
import { type Bytes, bigIntToBytes32, fromKey, toKey } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { slotValue, uint } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';

/** What a check says: the root to which the diff leads, or the code with which it ends. */
type Outcome = { readonly root: string } | { readonly code: string };

interface PreState {
  readonly root: Hash;
  /** All nodes, parents before children. */
  readonly nodes: readonly Bytes[];
}

const ADDRESSES = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte));
const SLOTS = [0n, 1n, 2n, 3n].map(bigIntToBytes32);

/** A key that parts from another at a nibble: what deep paths, long extensions and embedded nodes are made of. */
interface Neighbour {
  readonly of: number;
  readonly at: number;
  readonly nibble: number;
}
const neighbour = (count: number): fc.Arbitrary<Neighbour> =>
  fc.record({
    of: fc.nat(count - 1),
    at: fc.oneof(fc.nat(63), fc.constantFrom(0, 1, 2, 60, 61, 62, 63)),
    nibble: fc.nat(15),
  });
const keyNear = (hash: Hash, { at, nibble }: Neighbour): Hash => {
  const key = hash.slice();
  const byte = key[at >> 1] as number;
  key[at >> 1] = at % 2 === 0 ? (byte & 0x0f) | (nibble << 4) : (byte & 0xf0) | nibble;
  return key;
};

/** Mostly so short that leaves near the end of their keys are part of their parents; nobody but a stranger has the longest. */
const rawValue = fc.oneof(
  { arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }), weight: 4 },
  { arbitrary: fc.uint8Array({ minLength: 1, maxLength: 35 }), weight: 3 },
  { arbitrary: fc.uint8Array({ minLength: 200, maxLength: 900 }), weight: 1 },
);
const storage = fc.record({
  slots: fc.uniqueArray(fc.nat(SLOTS.length - 1), { maxLength: 4 }),
  neighbours: fc.array(neighbour(SLOTS.length), { maxLength: 4 }),
  value: rawValue,
});
const preState = fc
  .record({
    accounts: fc.uniqueArray(fc.record({ of: fc.nat(2), nonce: uint(64), balance: uint(256), storage }), {
      selector: ({ of }) => of,
      maxLength: 3,
    }),
    neighbours: fc.array(neighbour(ADDRESSES.length), { maxLength: 5 }),
    value: rawValue,
  })
  .map(({ accounts, neighbours, value }): PreState => {
    const state = new Map<string, [Hash, Bytes]>();
    const put = (key: Hash, leaf: Bytes): unknown => state.set(toKey(key), [key, leaf]);
    for (const near of neighbours) put(keyNear(keccak256(ADDRESSES[near.of] as Bytes), near), value);
    const storages = accounts.map(({ of, nonce, balance, storage: { slots, neighbours: near, value: slotBytes } }) => {
      const keys = [
        ...slots.map((i) => keccak256(SLOTS[i] as Hash)),
        ...near.map((n) => keyNear(keccak256(SLOTS[n.of] as Hash), n)),
      ];
      const trie = allNodes(keys.map((key) => [key, slotBytes]));
      put(
        keccak256(ADDRESSES[of] as Bytes),
        encodeAccountLeaf({ nonce, balance, storageRoot: trie.root, codeHash: EMPTY_CODE_HASH }),
      );
      return trie.nodes;
    });
    const { root, nodes } = allNodes([...state.values()]);
    return { root, nodes: [...nodes, ...storages.flat()] };
  });

function allNodes(entries: readonly [Hash, Bytes][]): PreState {
  const trie = Trie.empty(32);
  for (const [key, value] of entries) trie.put(key, value);
  const keys = entries.map(([key]) => key);
  const root = trie.root();
  return { root, nodes: collectWitnessNodes(trie, keys, keys) };
}

const slotDiff = fc.record({ key: fc.constantFrom(...SLOTS), value: slotValue });
const fields = fc
  .record(
    {
      nonce: uint(64),
      balance: uint(256),
      codeHash: fc.constant(keccak256(new Uint8Array(1))),
      slots: fc.uniqueArray(slotDiff, { minLength: 1, maxLength: 4, selector: ({ key }) => toKey(key) }).map(sortSlots),
    },
    { requiredKeys: [] },
  )
  .filter((given) => Object.keys(given).length > 0);
const diff = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(...ADDRESSES),
      fc.oneof({ arbitrary: fields, weight: 4 }, { arbitrary: fc.constant({ deleted: true } as const), weight: 1 }),
    ),
    { minLength: 1, maxLength: 3, selector: ([address]) => toKey(address) },
  )
  .map((accounts) =>
    createStateDiff(
      accounts.map(([address, rest]) => ({ address, ...rest })),
      [],
    ),
  );

/** By the pointer trie. */
function expectedOutcome({ root, nodes }: PreState, changes: StateDiff): Outcome {
  return outcomeOf(() => {
    const trie = StateTrie.fromRoot(root, witnessResolver(nodes));
    trie.apply(changes);
    return toKey(trie.root());
  });
}

function outcomeOf(root: () => string): Outcome {
  try {
    return { root: root() };
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    return { code: error.code };
  }
}

function compare({ root, nodes }: PreState, changes: StateDiff): Outcome {
  const expected = expectedOutcome({ root, nodes }, changes);
  const witness = encodeWitness({ headers: [], nodes, codes: [], keys: [] });
  const check = (postStateRoot: Hash): Outcome =>
    outcomeOf(() => {
      verifyRootTransition(witness, { preStateRoot: root, postStateRoot, diffBytes: encodeStateDiff(changes) });
      return toKey(postStateRoot);
    });
  if ('code' in expected) {
    expect(check(root)).toEqual(expected);
  } else {
    expect(check(fromKey(expected.root))).toEqual(expected);
    expect(check(keccak256(fromKey(expected.root)))).toEqual({ code: 'STATE_ROOT_MISMATCH' });
  }
  return expected;
}

/** What a stranger does to the bytes of a node. */
type Edit = (node: Bytes) => Bytes;
function withByte(node: Bytes, at: number, change: (byte: number) => number): Bytes {
  const edited = node.slice();
  edited[at % node.length] = change(node[at % node.length] as number);
  return edited;
}
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, byte]): Edit =>
      (node) =>
        withByte(node, at, () => byte),
  ),
  // Headers and flags are where most of a node's rules are.
  fc.tuple(fc.nat(4), fc.constantFrom(1, -1, 0x10, -0x10, 0x20, 0x80)).map(
    ([at, by]): Edit =>
      (node) =>
        withByte(node, at, (byte) => byte + by),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 })).map(
    ([at, bytes]): Edit =>
      (node) =>
        Uint8Array.from(Array.from(node).toSpliced(at % (node.length + 1), 0, ...bytes)),
  ),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 40 })).map(
    ([at, count]): Edit =>
      (node) =>
        Uint8Array.from(Array.from(node).toSpliced(at % node.length, count)),
  ),
  fc.uint8Array({ maxLength: 40 }).map(
    (bytes): Edit =>
      () =>
        bytes,
  ),
  fc.array(fc.uint8Array({ maxLength: 34 }), { minLength: 1, maxLength: 18 }).map(
    (items): Edit =>
      () =>
        encodeRlp(items),
  ),
  fc.tuple(fc.nat(17), fc.uint8Array({ maxLength: 34 })).map(
    ([at, item]): Edit =>
      () =>
        encodeRlp(Array.from({ length: 17 }, (_, i) => (i === at ? item : i === 3 ? [] : new Uint8Array()))),
  ),
);

/** Edits nodes and puts the new hashes where the old ones were, up to the root: the witness is whole, and the state is not. */
function forge({ root, nodes }: PreState, edits: ReadonlyMap<number, Edit>): PreState {
  const replaced = new Map<string, Hash>();
  const forged: Bytes[] = nodes.map((node) => node.slice());
  for (let i = nodes.length - 1; i >= 0; i--) {
    const before = keccak256(nodes[i] as Bytes);
    let node: Bytes = forged[i] as Bytes;
    for (let at = 0; at + 32 <= node.length; at++) {
      const hash = replaced.get(toKey(node.subarray(at, at + 32)));
      if (hash !== undefined) node.set(hash, at);
    }
    node = edits.get(i)?.(node) ?? node;
    forged[i] = node;
    replaced.set(toKey(before), keccak256(node));
  }
  return { root: replaced.get(toKey(root)) ?? root, nodes: forged };
}

const edits = fc.array(fc.tuple(fc.nat(), edit), { minLength: 1, maxLength: 2 });

describe('the trie of a witness ends as the pointer trie does', () => {
  test('with whole witnesses of deep and odd tries', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(preState, diff, (before, changes) => {
        const outcome = compare(before, changes);
        note(seen, outcome);
      }),
      runs(200),
    );
    expect([...seen.keys()].sort()).toEqual(['INVALID_RLP', 'proven']);
  });

  test('with nodes missing, twice, too many and in any order', () => {
    const seen = new Map<string, number>();
    const picks = fc.array(fc.nat(), { maxLength: 3 });
    fc.assert(
      fc.property(preState, diff, picks, picks, fc.uint8Array({ maxLength: 600 }), (before, changes, dropped, twice, other) => {
        const { root, nodes } = before;
        const less = nodes.filter((_, i) => !dropped.some((pick) => pick % nodes.length === i));
        const more = twice.flatMap((pick) => nodes.slice(pick % (nodes.length + 1)).slice(0, 1));
        note(seen, compare({ root, nodes: [...more, other, ...less.toReversed()] }, changes));
      }),
      runs(150),
    );
    expect([...seen.keys()].sort()).toEqual(['INVALID_RLP', 'MISSING_TRIE_NODE', 'proven']);
  });

  test('with nodes that are not as nodes are encoded, under their hashes', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        preState.filter(({ nodes }) => nodes.length > 0),
        diff,
        edits,
        (before, changes, chosen) => {
          const { length } = before.nodes;
          const forged = forge(before, new Map(chosen.map(([at, change]) => [at % length, change])));
          note(seen, compare(forged, changes));
        },
      ),
      runs(600),
    );
    expect([...seen.keys()].sort()).toEqual(['INVALID_RLP', 'MALFORMED_TRIE_NODE', 'MISSING_TRIE_NODE', 'proven']);
  });
});

function note(seen: Map<string, number>, outcome: Outcome): void {
  const name = 'code' in outcome ? outcome.code : 'proven';
  seen.set(name, (seen.get(name) ?? 0) + 1);
}
