import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBody, encodeMiniBlock, miniBlockDigest } from '../../src/protocol/mini-block.ts';
import { type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { decodeStateDiff, encodeStateDiff, type StateDiff, stateDiffDigest } from '../../src/protocol/state-diff.ts';
import { decodeWitness, encodeWitness } from '../../src/protocol/witness.ts';
import { BlockRoots } from '../../src/state/block-roots.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { witnessResolver } from '../../src/state/trie-witness.ts';
import { verifyRootTransition } from '../../src/state/witness/witness-check.ts';
import { type Bytes, bigIntToBytes, bytesEqual, trimLeadingZeros } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';
import { MapState } from '../support/map-state.ts';
import { plainDiffPayload } from '../support/plain-diff.ts';
import { runs } from '../support/property-runs.ts';
import { accountsWithStorage, history, makeChanges, type WorldChange } from '../support/random-world.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

/** A block as it was built, and what proves it. */
interface ProvenBlock {
  readonly preStateRoot: Hash;
  readonly postStateRoot: Hash;
  readonly diff: StateDiff;
  readonly diffBytes: Bytes;
  readonly miniBlockDiffs: readonly StateDiff[];
  readonly witness: Bytes;
}

/** Executes a history and seals it with {@link BlockRoots}; the state goes along. */
function build(blocks: readonly (readonly WorldChange[][])[]): { readonly blocks: ProvenBlock[]; readonly state: MapState } {
  const state = new MapState();
  const world = new OverlayState(state);
  let number = 0;
  const roots = new BlockRoots();
  let preStateRoot = roots.ready();
  const proven = blocks.map((miniBlocks): ProvenBlock => {
    const beforeBlock = accountsWithStorage(state);
    const before = number;
    const miniBlockDiffs = miniBlocks.map((changes) => {
      makeChanges(world, changes, beforeBlock);
      const diff = world.takeDiff();
      state.apply(diff, ++number);
      world.release();
      roots.append({ miniBlockBytes: miniBlockBytes(diff), diffBytes: encodeStateDiff(diff) });
      return diff;
    });
    const keys = [...world.takeAccess().accounts.values()].map(({ address, slots }) => ({ address, slots: [...slots.values()] }));
    const { stateRoot } = roots.roots();
    const { witness } = roots.seal({ keys, codes: [], headers: [] });
    const diffBytes = defined(state.netDiff(before, number));
    const diff = decodeStateDiff(diffBytes);
    const block = { preStateRoot, postStateRoot: stateRoot, diff, diffBytes, miniBlockDiffs, witness };
    preStateRoot = stateRoot;
    return block;
  });
  return { blocks: proven, state };
}

/** A mini-block without transactions around `diff`; nobody looks at the rest of its envelope here. */
function miniBlockBytes(diff: StateDiff): Bytes {
  const diffPayload = plainDiffPayload(diff);
  const body = encodeBody({ transactions: [], receipts: [] });
  const unsigned = {
    version: 1,
    genesisHash: ZERO_HASH,
    chainId: 1,
    epoch: 1,
    number: 1,
    parentDigest: ZERO_HASH,
    blockNumber: 1,
    index: 1,
    timestampUs: 1,
    env: undefined,
    transactionsDigest: body.transactionsDigest,
    receiptsDigest: body.receiptsDigest,
    stateDiffDigest: stateDiffDigest(diff),
    diffPayloadDigest: keccak256(diffPayload),
    bodyPayloadDigest: keccak256(body.payload),
  };
  const envelope = { ...unsigned, signature: new Uint8Array(65) };
  return encodeMiniBlock({ envelope, digest: miniBlockDigest(unsigned), diffPayload, bodyPayload: body.payload });
}

/** The state root that @ethereumjs/mpt gives a whole state. */
async function referenceRoot(state: MapState): Promise<Hash> {
  const accounts = new MerklePatriciaTrie({ useKeyHashing: true });
  for (const { address, account, slots } of state.entries()) {
    const storage = new MerklePatriciaTrie({ useKeyHashing: true });
    for (const { key, value } of slots) await storage.put(key, RLP.encode(trimLeadingZeros(value)));
    const leaf = [bigIntToBytes(account.nonce), bigIntToBytes(account.balance), storage.root(), account.codeHash];
    await accounts.put(address, RLP.encode(leaf));
  }
  return accounts.root();
}

describe('state roots', () => {
  test('are those that ethereumjs gives the whole state, after every block', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (blocks) => {
        for (let count = 1; count <= blocks.length; count++) {
          const { blocks: proven, state } = build(blocks.slice(0, count));
          expect(proven.at(-1)?.postStateRoot).toEqual(await referenceRoot(state));
        }
      }),
      runs(25),
    );
  });

  test('do not depend on whether diffs come one by one, per block, or as a listing of the state', () => {
    fc.assert(
      fc.property(history, (blocks) => {
        const { blocks: proven, state } = build(blocks);
        const oneByOne = StateTrie.empty();
        const perBlock = StateTrie.empty();
        for (const { miniBlockDiffs, diff, postStateRoot } of proven) {
          for (const miniBlockDiff of miniBlockDiffs) oneByOne.apply(miniBlockDiff);
          perBlock.apply(diff);
          expect(oneByOne.root()).toEqual(postStateRoot);
          expect(perBlock.root()).toEqual(postStateRoot);
        }
        const listed = new BlockRoots();
        for (const { address, account, slots } of state.entries()) {
          const sorted = [...slots].sort((a, b) => Buffer.compare(a.key, b.key));
          const diff = { accounts: [{ address, ...account, ...(sorted.length > 0 && { slots: sorted }) }], codes: [] };
          listed.load(encodeStateDiff(diff));
        }
        expect(listed.ready()).toEqual(proven.at(-1)?.postStateRoot);
      }),
      runs(50),
    );
  });
});

describe('the witness of a block', () => {
  test('proves its root transition, by the net diff and mini-block by mini-block', () => {
    fc.assert(
      fc.property(history, (blocks) => {
        for (const { witness, miniBlockDiffs, ...claim } of build(blocks).blocks) {
          verifyRootTransition(witness, claim);
          const partial = StateTrie.fromRoot(claim.preStateRoot, witnessResolver(decodeWitness(witness).nodes));
          for (const diff of miniBlockDiffs) {
            partial.apply(diff);
            // A prover asks at every boundary.
            partial.root();
          }
          expect(partial.root()).toEqual(claim.postStateRoot);
        }
      }),
      runs(150),
    );
  });

  test('less any one node proves the same or is found to be incomplete, never wrong', () => {
    fc.assert(
      fc.property(history, (blocks) => {
        const last = build(blocks).blocks.at(-1) as ProvenBlock;
        const witness = decodeWitness(last.witness);
        for (let i = 0; i < witness.nodes.length; i++) {
          const incomplete = encodeWitness({ ...witness, nodes: witness.nodes.toSpliced(i, 1) });
          expect(['MISSING_TRIE_NODE', 'no error']).toContain(strobeCodeOf(() => verifyRootTransition(incomplete, last)));
        }
        const changed = last.diff.accounts.length > 0 && !bytesEqual(last.preStateRoot, last.postStateRoot);
        const isWhole = witness.nodes.length === 0 || !changed;
        if (!isWhole) {
          const rootless = encodeWitness({ ...witness, nodes: witness.nodes.slice(1) });
          expect(strobeCodeOf(() => verifyRootTransition(rootless, last))).toBe('MISSING_TRIE_NODE');
        }
      }),
      runs(60),
    );
  });

  test('proves a wrong claim wrong', () => {
    fc.assert(
      fc.property(history, fc.nat(), (blocks, pick) => {
        const last = build(blocks).blocks.at(-1) as ProvenBlock;
        const code = (claim: Partial<ProvenBlock>): string =>
          strobeCodeOf(() => verifyRootTransition(last.witness, { ...last, ...claim }));
        expect(code({ postStateRoot: keccak256(last.postStateRoot) })).toBe('STATE_ROOT_MISMATCH');
        const { accounts } = last.diff;
        if (accounts.length === 0) return;
        const at = pick % accounts.length;
        const without = { ...last.diff, accounts: accounts.toSpliced(at, 1) };
        expect(['STATE_ROOT_MISMATCH', 'MISSING_TRIE_NODE']).toContain(code({ diffBytes: encodeStateDiff(without) }));
        const account = accounts[at] as (typeof accounts)[number];
        const other = account.deleted
          ? { address: account.address, nonce: 99n }
          : { ...account, balance: (account.balance ?? 5n) + 1n };
        expect(['STATE_ROOT_MISMATCH', 'no error']).toContain(
          code({ diffBytes: encodeStateDiff({ ...last.diff, accounts: accounts.with(at, other) }) }),
        );
        const unknown = { address: new Uint8Array(20).fill(0xee), balance: 1n };
        const more = { ...last.diff, accounts: [...accounts, unknown] };
        expect(['STATE_ROOT_MISMATCH', 'MISSING_TRIE_NODE']).toContain(code({ diffBytes: encodeStateDiff(more) }));
      }),
      runs(60),
    );
  });

  test('with any byte changed is refused with a code or proves the same', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 10, maxLength: 10 }),
        (blocks, changes) => {
          const last = build(blocks).blocks.at(-1) as ProvenBlock;
          for (const [at, change] of changes) {
            const bytes = new Uint8Array(last.witness);
            bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ change;
            const code = strobeCodeOf(() => verifyRootTransition(bytes, last));
            expect(['INVALID_RLP', 'MISSING_TRIE_NODE', 'no error']).toContain(code);
          }
        },
      ),
      runs(60),
    );
  });
});
