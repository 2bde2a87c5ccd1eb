import { MerklePatriciaTrie, verifyMerkleProof } from '@ethereumjs/mpt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Trie } from '../../src/state/trie.ts';
import { decodeNode } from '../../src/state/trie-decode.ts';
import { encodeNode } from '../../src/state/trie-encode.ts';
import { verifyProof } from '../../src/state/trie-proof.ts';
import { collectWitnessNodes, witnessResolver } from '../../src/state/trie-witness.ts';
import { type Bytes, EMPTY_BYTES, toKey } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

interface Write {
  key: Bytes;
  /** Empty deletes. */
  value: Bytes;
}

// Few distinct bytes make shared paths of every length; short values make embedded nodes, long ones hashed nodes.
const pathByte = fc.constantFrom(0x00, 0x01, 0x10, 0x11, 0x12, 0xf0);
const keyOf = (lengths: { minLength: number; maxLength: number }) =>
  fc.array(pathByte, lengths).map((bytes) => Uint8Array.from(bytes));
const fixedKey = keyOf({ minLength: 3, maxLength: 3 });
const anyKey = fc.oneof(keyOf({ minLength: 0, maxLength: 4 }), fixedKey);
const fullValue = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 3 }), fc.uint8Array({ minLength: 28, maxLength: 70 }));
const anyValue = fc.oneof({ arbitrary: fullValue, weight: 3 }, { arbitrary: fc.constant(EMPTY_BYTES), weight: 2 });
const writes = (maxLength: number, key = anyKey) => fc.array(fc.record({ key, value: anyValue }), { minLength: 1, maxLength });

function apply(trie: Trie, items: readonly Write[]): void {
  for (const { key, value } of items) trie.put(key, value);
}

async function expectSame(trie: Trie, reference: MerklePatriciaTrie, keys: readonly Bytes[]): Promise<void> {
  const root = trie.root();
  expect(root).toEqual(reference.root());
  for (const key of keys) {
    const value = trie.get(key);
    expect(value ?? null).toEqual(await reference.get(key));
    const proof = trie.prove(key);
    expect(verifyProof(root, key, proof)).toEqual(value);
    if (proof.length > 0) expect(await verifyMerkleProof(key, proof, { root })).toEqual(value ?? null);
  }
}

describe('a random history', () => {
  test('has the roots, values and proofs of the reference', async () => {
    await fc.assert(
      fc.asyncProperty(writes(40, fixedKey), fc.array(fixedKey, { maxLength: 5 }), async (history, others) => {
        const trie = Trie.empty();
        const reference = new MerklePatriciaTrie();
        for (const [i, { key, value }] of history.entries()) {
          trie.put(key, value);
          if (value.length > 0) await reference.put(key, value);
          else await reference.del(key);
          if (i % 3 === 0) expect(trie.root()).toEqual(reference.root());
        }
        await expectSame(trie, reference, [...history.map(({ key }) => key), ...others]);
      }),
      { numRuns: 150 },
    );
  });

  test('with keys that are prefixes of one another ends as the reference that only puts what is left', async () => {
    // Deletions beside a branch value lose that value in the reference (10.1.3), so it gets puts only.
    await fc.assert(
      fc.asyncProperty(writes(40), fc.array(anyKey, { maxLength: 5 }), async (history, others) => {
        const trie = Trie.empty();
        apply(trie, history);
        const reference = new MerklePatriciaTrie();
        for (const { key, value } of new Map(history.map((write) => [toKey(write.key), write])).values()) {
          if (value.length > 0) await reference.put(key, value);
        }
        await expectSame(trie, reference, [...history.map(({ key }) => key), ...others]);
      }),
      { numRuns: 150 },
    );
  });

  test('does not show in snapshots taken before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(writes(8), fc.boolean()), { minLength: 1, maxLength: 8 }), (batches) => {
        const trie = Trie.empty();
        const model = new Map<string, Write>();
        const kept: { snapshot: Trie; expected: Write[] }[] = [];
        for (const [batch, hash] of batches) {
          apply(trie, batch);
          for (const write of batch) model.set(toKey(write.key), write);
          if (hash) trie.root();
          kept.push({ snapshot: trie.snapshot(), expected: [...model.values()] });
        }
        for (const { snapshot, expected } of kept) {
          const rebuilt = Trie.empty();
          apply(rebuilt, expected);
          expect(snapshot.root()).toEqual(rebuilt.root());
          for (const { key, value } of expected) expect(snapshot.get(key) ?? EMPTY_BYTES).toEqual(value);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** A state, keys written and deleted on it, and an order: every written key once more, so later writes win. */
const scenario = fc.record({
  state: fc.array(fc.record({ key: anyKey, value: fullValue }), { minLength: 1, maxLength: 25 }),
  updates: writes(12),
  reads: fc.array(anyKey, { maxLength: 4 }),
  deletesOfState: fc.array(fc.nat(), { maxLength: 12 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

function prepare({ state, updates, reads, deletesOfState }: Scenario) {
  const full = Trie.empty();
  apply(full, state);
  const removals = deletesOfState.map((n) => ({ key: (state[n % state.length] as Write).key, value: EMPTY_BYTES }));
  const all = [...updates, ...removals];
  const deleted = all.filter(({ value }) => value.length === 0).map(({ key }) => key);
  const read = [...reads, ...all.map(({ key }) => key)];
  return { full, root: full.root(), all, read, nodes: collectWitnessNodes(full, read, deleted) };
}

describe('a witness', () => {
  test('is enough to read its keys and to apply its updates in any order', () => {
    fc.assert(
      fc.property(scenario, fc.infiniteStream(fc.nat()), (input, random) => {
        const { full, root, all, read, nodes } = prepare(input);
        for (let round = 0; round < 3; round++) {
          const order = shuffled(all, random);
          const partial = Trie.fromRoot(root, witnessResolver(nodes));
          for (const key of read) expect(partial.get(key)).toEqual(full.get(key));
          const expected = full.snapshot();
          for (const { key, value } of order) {
            expected.put(key, value);
            partial.put(key, value);
            expect(partial.root()).toEqual(expected.root());
          }
        }
        expect(full.root()).toEqual(root);
      }),
      { numRuns: 300 },
    );
  });

  test('is itself the source of an equal witness, without doubles', () => {
    fc.assert(
      fc.property(scenario, (input) => {
        const { root, all, read, nodes } = prepare(input);
        const deleted = all.filter(({ value }) => value.length === 0).map(({ key }) => key);
        const partial = Trie.fromRoot(root, witnessResolver(nodes));
        expect(collectWitnessNodes(partial, read, deleted)).toEqual(nodes);
        expect(new Set(nodes.map(toKey)).size).toBe(nodes.length);
      }),
      { numRuns: 150 },
    );
  });

  test('less any one node gives MISSING_TRIE_NODE or the same result, never another', () => {
    fc.assert(
      fc.property(scenario, (input) => {
        const { full, root, all, read, nodes } = prepare(input);
        const expected = full.snapshot();
        apply(expected, all);
        for (let removed = 0; removed < nodes.length; removed++) {
          const partial = Trie.fromRoot(root, witnessResolver(nodes.toSpliced(removed, 1)));
          const code = strobeCodeOf(() => {
            for (const key of read) expect(partial.get(key)).toEqual(full.get(key));
            apply(partial, all);
            expect(partial.root()).toEqual(expected.root());
          });
          expect(['MISSING_TRIE_NODE', 'no error']).toContain(code);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('that fails midway leaves the partial trie as it was before the failing write', () => {
    fc.assert(
      fc.property(scenario, fc.nat(), (input, pick) => {
        const { full, root, all, nodes } = prepare(input);
        const partial = Trie.fromRoot(root, witnessResolver(nodes.toSpliced(pick % nodes.length, 1)));
        const expected = full.snapshot();
        for (const { key, value } of all) {
          const code = strobeCodeOf(() => partial.put(key, value));
          if (code === 'no error') expected.put(key, value);
          expect(partial.root()).toEqual(expected.root());
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('hostile node bytes', () => {
  const sample = Trie.empty();
  for (let i = 0; i < 40; i++) sample.put(Uint8Array.of(i * 6, i), new Uint8Array((i * 5) % 60 || 1).fill(i + 1));
  const keys = Array.from({ length: 40 }, (_, i) => Uint8Array.of(i * 6, i));
  const nodes = collectWitnessNodes(sample, keys, keys);

  test('random or mutated, they are malformed or encode back to themselves', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...nodes), fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 }), fc.nat(600))
      .map(([node, edits, cut]) => {
        const out = node.slice();
        for (const [at, byte] of edits) out[at % out.length] = byte;
        return cut % 5 === 0 ? out.subarray(0, cut % out.length) : out;
      });
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 80 })), (rlp) => {
        try {
          const node = decodeNode(rlp, 0, undefined);
          accepted++;
          expect(encodeNode(node)).toEqual(rlp);
        } catch (error) {
          if (!isStrobeError(error, 'MALFORMED_TRIE_NODE')) throw error;
        }
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  test('served for any hash, they end in a coded error or an answer', () => {
    const codes = ['MALFORMED_TRIE_NODE', 'MISSING_TRIE_NODE', 'no error'];
    fc.assert(
      fc.property(fc.infiniteStream(fc.constantFrom(...nodes)), fc.array(fc.nat(20), { maxLength: 30 }), (served, drops) => {
        const trie = Trie.fromRoot(sample.root(), () => (drops.pop() === 0 ? undefined : served.next().value));
        for (const key of keys.slice(0, 8)) {
          expect(codes).toContain(strobeCodeOf(() => trie.get(key)));
          expect(codes).toContain(strobeCodeOf(() => trie.delete(key)));
          expect(codes).toContain(strobeCodeOf(() => trie.prove(key)));
        }
      }),
      { numRuns: 300 },
    );
  });
});

function shuffled<Item>(items: readonly Item[], random: Iterator<number>): Item[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = (random.next().value as number) % (i + 1);
    [out[i], out[j]] = [out[j] as Item, out[i] as Item];
  }
  return out;
}
