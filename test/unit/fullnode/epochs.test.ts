import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type { ChainEvent } from '../../../src/protocol/ports/chain.ts';
import { epochStartDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { judge } from '../../support/judge-evidence.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';

/** What the first sequencer made: block 1 of two mini-blocks, then mini-blocks 3 and 4 of block 2. */
let lost: ReplicaFixture;
/** The same up to some mini-block, then the next epoch. */
let chain: ReplicaFixture;
let replica: ReplicaHarness;

beforeEach(async () => {
  lost = new ReplicaFixture();
  lost.block(2);
  lost.miniBlock();
  lost.miniBlock();
  chain = new ReplicaFixture();
  chain.block(2);
  replica = await ReplicaHarness.start(lost);
});
afterEach(() => replica.stop());

function expectOnChain(): void {
  expect(replica.log.entries.map(({ bytes }) => bytes)).toEqual(chain.records);
  for (const { address } of chain.builder.accounts)
    expect(replica.state.getAccount(address)).toEqual(chain.builder.state.getAccount(address));
}

async function followLost(miniBlock = 4): Promise<void> {
  replica.deliver(...lost.records);
  await replica.miniBlockIs(miniBlock);
}

test('an epoch at the head goes on from there', async () => {
  await followLost();
  chain.miniBlock();
  chain.miniBlock();
  const from = chain.records.length;
  chain.startEpoch();
  chain.miniBlock();
  chain.seal();
  replica.deliver(...chain.records.slice(from));
  await replica.blockIs(2);
  expect(replica.node.status().epoch).toBe(3);
  expectOnChain();
});

test('mini-blocks of an older epoch above the start are undone, and readers are told', async () => {
  await followLost();
  const events: ChainEvent[] = [];
  replica.store.subscribe((event) => events.push(event));
  chain.miniBlock();
  const from = chain.records.length;
  chain.startEpoch();
  chain.miniBlock(2, 5n);
  chain.seal();
  replica.deliver(...chain.records.slice(from));
  await replica.blockIs(2);
  expectOnChain();
  expect(events.map(({ kind }) => kind)).toEqual(['rollback', 'miniBlock', 'block']);
  expect(events[0]).toMatchObject({ number: 3, removed: [{ miniBlockNumber: 4 }] });
  // The old epoch has no voice any more.
  expect(replica.deliver(lost.miniBlocks[3] as Uint8Array)).toEqual([{ kind: 'ignore', code: 'KNOWN' }]);
  expect(replica.deliver(lost.miniBlock().record.bytes)).toEqual([{ kind: 'ignore', code: 'OLD_EPOCH' }]);
});

test('an epoch that starts inside a sealed block reopens it', async () => {
  lost.seal();
  await followLost();
  await replica.blockIs(2);
  chain.miniBlock();
  const from = chain.records.length;
  chain.startEpoch();
  chain.miniBlock(1, 9n);
  chain.seal();
  replica.deliver(...chain.records.slice(from));
  await replica.blockIs(2);
  await waitFor(
    () => replica.node.status().epoch === 3 && replica.node.status().miniBlock === 4 && replica.node.status().block === 2,
  );
  expectOnChain();
});

test('a start that gossip lost is found in the range from the head', async () => {
  await followLost();
  chain.miniBlock();
  chain.miniBlock();
  chain.startEpoch();
  const { record } = chain.miniBlock();
  replica.peers.records = chain.records;
  replica.deliver(record.bytes);
  await replica.miniBlockIs(5);
  expectOnChain();
});

test('a start that lies below the head is found in the range from the safe block', async () => {
  await followLost();
  chain.startEpoch();
  const { record } = chain.miniBlock(1, 7n);
  replica.peers.records = chain.records;
  replica.deliver(record.bytes);
  await replica.miniBlockIs(3);
  await waitFor(() => replica.node.status().epoch === 3);
  expectOnChain();
});

test('two epochs of which the first was missed', async () => {
  await followLost();
  chain.startEpoch();
  chain.miniBlock(1, 7n);
  const second = chain.startEpoch();
  chain.miniBlock(1, 8n);
  chain.seal();
  replica.peers.records = chain.records;
  replica.deliver(second);
  await replica.blockIs(2);
  expect(replica.node.status().epoch).toBe(4);
  expectOnChain();
});

test('an epoch below the safe block halts the node and undoes nothing safe', async () => {
  const [first] = lost.blocks;
  if (first === undefined) throw new TypeError('the fixture has a block');
  await followLost();
  replica.chunks(...first.witnessChunks);
  replica.attest(...lost.attest(first));
  await replica.safeIs(1);
  const twin = new ReplicaFixture();
  twin.miniBlock();
  const start = twin.startEpoch();
  replica.deliver(start);
  expect(await replica.halted()).toBe('EPOCH_BELOW_SAFE');
  expect(await judge(replica.evidence.list()[0], lost)).toMatchObject({ isProven: true });
  await replica.miniBlockIs(2);
  expect(replica.node.status().safeBlock).toBe(1);
});

test('a start by a key that is not configured is refused', async () => {
  await followLost();
  const stranger = testSigner('stranger');
  const unsigned = { ...chain.builder.startEpoch().epochStart, sequencerKey: stranger.address };
  const epochStart = withSignature(unsigned, epochStartDigest(unsigned), stranger);
  const bytes = encodeSequencerMessage({ kind: 'epochStart', epochStart });
  expect(replica.deliver(bytes)).toEqual([{ kind: 'reject', code: 'UNKNOWN_SIGNER' }]);
});

test('a late attestation of an undone block does not count against its prover', async () => {
  const block = lost.seal();
  await followLost();
  await replica.blockIs(2);
  const from = chain.records.length;
  chain.startEpoch();
  chain.miniBlock(1, 3n);
  chain.seal();
  replica.deliver(...chain.records.slice(from));
  await waitFor(() => replica.node.status().epoch === 3 && replica.node.status().block === 2);
  replica.attest(...lost.attest(block));
  await waitFor(async () => (await replica.metrics.expose()).body.includes('attestations_total{outcome="retired"} 2'));
  expect(replica.node.status().excludedProvers).toEqual([]);
});

test.each([
  { when: 'before', provers: 2 },
  { when: 'after', provers: 1 },
])(
  'what provers said of a lost block that was never here, heard $when its epoch ended, halts nobody',
  async ({ when, provers }) => {
    await replica.stop();
    replica = await ReplicaHarness.start(lost, { genesis: { threshold: 1 } });
    const early = lost.attest(lost.seal()).slice(0, provers);
    replica.deliver(...chain.records);
    await replica.blockIs(1);
    if (when === 'before') replica.attest(...early);
    replica.deliver(chain.startEpoch());
    await waitFor(() => replica.node.status().epoch === 3);
    if (when === 'after') replica.attest(...early);
    const from = chain.records.length;
    chain.miniBlock(1, 3n);
    const successor = chain.seal();
    replica.deliver(...chain.records.slice(from));
    await replica.blockIs(2);
    replica.attest(...chain.attest(successor).slice(0, provers));
    await waitFor(async () => (await replica.store.blockStatus(2))?.attestedBy.length === provers);
    expect(replica.node.status().state).not.toBe('halted');
  },
);

test('the epoch is remembered over a restart, also before its first mini-block', async () => {
  await followLost();
  chain.miniBlock();
  replica.deliver(chain.startEpoch());
  await waitFor(() => replica.node.status().epoch === 3);
  replica = await replica.restart();
  expect(replica.node.status()).toMatchObject({ epoch: 3, miniBlock: 3 });
  expect(replica.deliver(lost.miniBlocks[3] as Uint8Array)).toEqual([{ kind: 'ignore', code: 'OLD_EPOCH' }]);
});
