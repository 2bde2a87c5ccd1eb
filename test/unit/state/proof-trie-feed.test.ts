import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NetDiffComposer } from '../../../src/protocol/ports/state.ts';
import type { Hash } from '../../../src/protocol/primitives.ts';
import { HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { createInlineProofTrie, type ProofTrieHost, startProofTrieThread } from '../../../src/state/proof-trie.ts';
import type { ProofTrieFeed } from '../../../src/state/proof-trie-feed.ts';
import { bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { defined } from '../../support/defined.ts';
import { inlineNetDiffs } from '../../support/net-diffs.ts';
import { proofTrieFeed } from '../../support/proof-trie-of.ts';
import { expectProven } from '../../support/proven-state.ts';
import { type FixtureBlock, ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let chain: ReplicaFixture;
let replica: ReplicaHarness;
let complaints: string[];
const started: { feed: ProofTrieFeed; host: ProofTrieHost }[] = [];

beforeEach(async () => {
  chain = new ReplicaFixture();
  complaints = [];
  replica = await ReplicaHarness.start(chain);
});
afterEach(async () => {
  for (const { feed, host } of started.splice(0)) {
    feed.stop();
    await host.stop();
  }
  await replica.stop();
});

/** A trie that follows the replica; the replica must be at rest. */
async function follow(host = createInlineProofTrie({ blocks: 16 }), netDiffs?: NetDiffComposer): Promise<ProofTrieHost> {
  const logger = { error: (_: object, message: string) => complaints.push(message), info: () => {} };
  const feed = proofTrieFeed(host, replica.state, { chain: replica.store, logger }, netDiffs);
  started.push({ feed, host });
  await feed.start();
  return { ...host, prove: (request) => feed.prove(request) };
}

/** The proofs of a block of the fixture show the state that its builder had there. */
async function expectBlock(host: ProofTrieHost, { seal }: FixtureBlock, from = chain): Promise<void> {
  const state = defined(from.builder.state.at(seal.lastNumber));
  const { stateRoot } = seal.header;
  for (const { address } of from.builder.accounts) {
    await expectProven(stateRoot, address, await host.prove({ stateRoot, address, keys: [] }), state);
  }
  const keys = [0n, 1n, 2n, 77n].map(bigIntToBytes32);
  await expectProven(stateRoot, HISTORY_CONTRACT, await host.prove({ stateRoot, address: HISTORY_CONTRACT, keys }), state);
}

const isRefused = (host: ProofTrieHost, stateRoot: Hash) =>
  expect(host.prove({ stateRoot, address: HISTORY_CONTRACT, keys: [] })).rejects.toMatchObject({ code: 'PROOF_NOT_AVAILABLE' });

describe('a trie that follows a replica', () => {
  test('proves genesis, and every block once it is sealed', async () => {
    const host = await follow();
    const { stateRoot } = chain.builder.genesisHeader;
    const [account] = chain.builder.accounts;
    const proof = await host.prove({ stateRoot, address: defined(account).address, keys: [] });
    await expectProven(stateRoot, defined(account).address, proof, defined(chain.builder.state.at(0)));
    const blocks = [chain.block(2, 3), chain.block(1, 0), chain.block(3, 2)];
    const open = chain.miniBlock();
    replica.deliver(...chain.records);
    await replica.miniBlockIs(open.miniBlock.envelope.number);
    for (const block of blocks) await expectBlock(host, block);
    expect(complaints).toEqual([]);
  });

  test('starts in the middle of a block', async () => {
    const before = chain.block(2, 2);
    const last = [chain.miniBlock(2), chain.miniBlock(1)].at(-1);
    replica.deliver(...chain.records);
    await replica.miniBlockIs(defined(last).miniBlock.envelope.number);
    const host = await follow();
    await expectBlock(host, before);
    const from = chain.records.length;
    const after = chain.block(1);
    replica.deliver(...chain.records.slice(from));
    await replica.blockIs(2);
    await expectBlock(host, after);
    expect(complaints).toEqual([]);
  });

  test('starts with the safe block, so that it can be proven after a restart', async () => {
    const [below, safe, ...above] = [chain.block(1, 1), chain.block(2, 1), chain.block(2, 2), chain.block(1, 1)];
    chain.attest(defined(below));
    chain.attest(defined(safe));
    replica.deliverAll();
    await replica.safeIs(2);
    await replica.blockIs(4);
    const host = await follow();
    for (const block of [defined(safe), ...above]) await expectBlock(host, block);
    await isRefused(host, defined(below).seal.header.stateRoot);
    expect(complaints).toEqual([]);
  });

  test('keeps the safe block beyond the window, until another is safe', async () => {
    const host = await follow(createInlineProofTrie({ blocks: 2 }));
    const blocks = [chain.block(1), chain.block(1), chain.block(1)];
    chain.attest(defined(blocks[0]));
    replica.deliverAll();
    await replica.safeIs(1);
    await replica.blockIs(3);
    const more = [chain.block(1), chain.block(1)];
    replica.deliver(...more.map(({ bytes }) => bytes), ...chain.records);
    await replica.blockIs(5);
    for (const block of [...blocks, ...more]) await expectBlock(host, block);
    for (const block of [...blocks.slice(1), ...more]) chain.attest(block);
    replica.deliverAll();
    await replica.safeIs(5);
    await waitFor(async () => {
      const { stateRoot } = defined(blocks[0]).seal.header;
      return host.prove({ stateRoot, address: HISTORY_CONTRACT, keys: [] }).then(
        () => false,
        () => true,
      );
    });
    await expectBlock(host, defined(more[1]));
  });

  test('goes back with the chain, inside a block and through sealed ones, and on with the other blocks', async () => {
    const lost = chain;
    const kept = lost.block(2);
    lost.block(1, 3);
    lost.miniBlock();
    const host = await follow();
    replica.deliver(...lost.records);
    await replica.miniBlockIs(4);
    await expectBlock(host, kept, lost);
    const other = new ReplicaFixture();
    other.block(2);
    const from = other.records.length;
    other.startEpoch();
    const blocks = [other.block(2, 2), other.block(1, 1)];
    replica.deliver(...other.records.slice(from));
    await replica.blockIs(3);
    await expectBlock(host, kept, other);
    for (const block of blocks) await expectBlock(host, block, other);
    expect(complaints).toEqual([]);
  });

  test('goes back while a block that is undone, or one that stays, is still being composed', async () => {
    const lost = chain;
    const kept = lost.block(2);
    const undone = lost.block(1, 3);
    const inline = inlineNetDiffs(replica.state);
    /** Compositions that wait, by the mini-block that they end with. */
    const waiting = new Map<number, PromiseWithResolvers<void>>();
    const host = await follow(createInlineProofTrie({ blocks: 16 }), {
      compose: async (from, to) => {
        const turn = Promise.withResolvers<void>();
        waiting.set(to, turn);
        await turn.promise;
        return inline.compose(from, to);
      },
    });
    const finish = async (to: number): Promise<void> => {
      (await waitFor(() => waiting.get(to))).resolve();
      waiting.delete(to);
    };
    replica.deliver(...lost.records);
    await replica.blockIs(2);
    await finish(kept.seal.lastNumber);
    await expectBlock(host, kept, lost);

    const other = new ReplicaFixture();
    other.block(2);
    const from = other.records.length;
    other.startEpoch();
    const blocks = [other.block(2, 2), other.block(1, 1)];
    await waitFor(() => waiting.has(undone.seal.lastNumber));
    replica.deliver(...other.records.slice(from));
    await replica.blockIs(3);
    // What was asked for the undone block is answered with what is there now.
    await finish(undone.seal.lastNumber);
    for (const { seal } of blocks) await finish(seal.lastNumber);
    await expectBlock(host, kept, other);
    for (const block of blocks) await expectBlock(host, block, other);
    expect(complaints).toEqual([]);
  });

  test('says so when a block changed more than is kept, and proves what it has', async () => {
    let isForgotten = false;
    const inline = inlineNetDiffs(replica.state);
    const host = await follow(createInlineProofTrie({ blocks: 16 }), {
      compose: async (from, to) => {
        if (isForgotten) throw new StrobeError('STATE_FORGOTTEN', 'old values do not reach back');
        return inline.compose(from, to);
      },
    });
    const before = chain.block(1);
    replica.deliver(...chain.records);
    await replica.blockIs(1);
    await expectBlock(host, before);
    isForgotten = true;
    const from = chain.records.length;
    chain.block(1);
    replica.deliver(...chain.records.slice(from));
    await waitFor(() => complaints.length > 0);
    expect(complaints).toEqual([expect.stringContaining('cannot follow')]);
    await expectBlock(host, before);
  });

  test('says so once when the sealed roots are not those of the state, and proves nothing of such blocks', async () => {
    const host = await follow();
    chain.miniBlock();
    const { seal } = chain.seal();
    const wrong = chain.resignSeal(seal, { header: { stateRoot: bigIntToBytes32(1n) } });
    replica.deliver(...chain.miniBlocks, wrong.bytes, ...chain.records.slice(0, -1));
    await replica.blockIs(1);
    await waitFor(() => complaints.length === 1);
    expect(complaints[0]).toContain('does not have the state root');
    await isRefused(host, wrong.seal.header.stateRoot);
  });

  test('in a thread it proves the same', async () => {
    const host = await follow(startProofTrieThread({ blocks: 4 }));
    const block = chain.block(2, 3);
    replica.deliver(...chain.records);
    await replica.blockIs(1);
    await expectBlock(host, block);
  });
});
