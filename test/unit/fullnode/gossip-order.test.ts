import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let chain: ReplicaFixture;
let replica: ReplicaHarness | undefined;
beforeEach(() => {
  chain = new ReplicaFixture();
});
afterEach(() => replica?.stop());

test('mini-blocks and seals in reverse order wait for the ones before them', async () => {
  replica = await ReplicaHarness.start(chain);
  chain.block(3);
  chain.block(2);
  const [epochStart, ...records] = chain.records;
  replica.deliver(epochStart as Uint8Array, ...records.reverse());
  await replica.blockIs(2);
  expect(replica.node.status().waiting).toBe(0);
});

test('a gap that gossip does not fill is fetched from a peer', async () => {
  replica = await ReplicaHarness.start(chain);
  chain.block(4);
  const missing = chain.miniBlocks[2];
  replica.deliver(...chain.records.filter((record) => record !== missing));
  await replica.miniBlockIs(2);
  replica.peers.records = chain.records;
  await replica.blockIs(1);
  expect(replica.peers.requests).toContain(2);
  await waitFor(() => replica?.node.ready().isReady);
});

test('a lost seal is fetched when the next block opens', async () => {
  replica = await ReplicaHarness.start(chain);
  const first = chain.block();
  chain.block();
  replica.peers.records = chain.records;
  replica.deliver(...chain.records.filter((record) => record !== first.bytes));
  await replica.blockIs(2);
  expect(replica.log.entries.map(({ bytes }) => bytes)).toEqual(chain.records);
});

test('a heartbeat that names a higher head makes the node catch up', async () => {
  replica = await ReplicaHarness.start(chain);
  chain.block(5);
  replica.peers.records = chain.records;
  replica.deliver(chain.heartbeat());
  await replica.blockIs(1);
});

test('a flood of duplicates and early mini-blocks stays within the buffers', async () => {
  replica = await ReplicaHarness.start(chain, { reorderBufferMax: 8, blockWindow: 4 });
  for (let i = 0; i < 40; i++) chain.miniBlock();
  const [epochStart, first, ...early] = chain.records as [Uint8Array, Uint8Array, ...Uint8Array[]];
  replica.deliver(epochStart);
  for (let round = 0; round < 20; round++) {
    replica.deliver(...early);
    expect(replica.node.status().waiting).toBeLessThanOrEqual(8);
  }
  replica.deliver(first);
  // What was accepted is applied; the rest comes by range.
  await replica.miniBlockIs(8);
  replica.peers.records = chain.records;
  await replica.miniBlockIs(40);
});

test('the byte bound of the reorder buffer drops the farthest ones', async () => {
  for (let i = 0; i < 10; i++) chain.miniBlock();
  const [epochStart, first, ...early] = chain.records as [Uint8Array, Uint8Array, ...Uint8Array[]];
  // Room for the first one, which opens a block and is larger, and one more.
  const others = Math.max(...early.map((bytes) => bytes.length));
  replica = await ReplicaHarness.start(chain, { reorderBufferBytes: first.length + others });
  replica.deliver(epochStart, ...early);
  expect(replica.node.status().waiting).toBeLessThan(early.length);
  replica.deliver(first);
  await replica.miniBlockIs(2);
  expect(replica.node.status().waiting).toBe(0);
  replica.peers.records = chain.records;
  await replica.miniBlockIs(10);
});

test('a clock that is set back does not hide that the sequencer is not heard any more', async () => {
  replica = await ReplicaHarness.start(chain);
  chain.block();
  replica.deliver(...chain.records);
  await waitFor(() => replica?.node.ready().isReady);
  replica.clock.us -= 3_600_000_000;
  // Its messages are ahead of this clock now, and ignored.
  const later = chain.heartbeat({ timestampUs: chain.nowUs() + 100_000 });
  expect(replica.gossip.deliver('mini-blocks', later)).toEqual({ kind: 'ignore', code: 'CLOCK_AHEAD' });
  expect(replica.node.ready()).toEqual({ isReady: false, reason: 'STALLED: the sequencer is silent' });
});

test('silence makes the node not ready, and the next sign of life ready again', async () => {
  replica = await ReplicaHarness.start(chain);
  chain.block();
  replica.deliver(...chain.records);
  await waitFor(() => replica?.node.ready().isReady);
  replica.clock.us += 2_000_001;
  expect(replica.node.ready()).toEqual({ isReady: false, reason: 'STALLED: the sequencer is silent' });
  expect(replica.store.head().header.number).toBe(1);
  const later = chain.heartbeat({ timestampUs: replica.clock.us });
  replica.gossip.deliver('mini-blocks', later);
  expect(replica.node.ready().isReady).toBe(true);
  // The same heartbeat played again later is no sign of life.
  replica.clock.us += 2_000_001;
  replica.gossip.deliver('mini-blocks', later);
  expect(replica.node.ready().isReady).toBe(false);
});
