import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';

let chain: ReplicaFixture;
let replica: ReplicaHarness;
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
});
afterEach(() => replica.stop());

test('a late replica gets blocks, attestations and witnesses from peers and ends live and safe', async () => {
  for (let i = 0; i < 5; i++) chain.attest(chain.block(4));
  for (const { seal, witness } of chain.blocks) replica.peers.witnesses.set(seal.header.number, witness);
  replica.peers.records = chain.records;
  await replica.safeIs(5);
  await waitFor(() => replica.node.status().state === 'live');
  expect(replica.node.syncing()).toBeUndefined();
  expect(replica.log.entries).toHaveLength(1 + 5 * 5);
});

test('peers that have nothing new mean up to date', async () => {
  replica.peers.records = chain.records;
  await waitFor(() => replica.node.status().state === 'live');
  replica.peers.records = undefined;
});

test('peers that have no range but are not ahead mean up to date too', async () => {
  await waitFor(() => replica.peers.requests.length > 2);
  expect(replica.node.status().state).toBe('bootstrapping');
  replica.peers.knownHeads = [{ epoch: 0, number: 0, digest: chain.identity.genesisHash }];
  await waitFor(() => replica.node.status().state === 'live');
});

test('ranges are asked for in pieces', async () => {
  await replica.stop();
  replica = await ReplicaHarness.start(chain, { rangeLimit: 3 });
  chain.block(4);
  chain.block(4);
  replica.peers.records = chain.records;
  await replica.blockIs(2);
});

test('a broken range keeps what was good and goes on elsewhere', async () => {
  chain.block(4);
  replica.peers.records = [...chain.records.slice(0, 3), Uint8Array.of(1, 2, 3)];
  await replica.miniBlockIs(2);
  replica.peers.records = chain.records;
  await replica.blockIs(1);
});

test.each([
  ['leaves out a mini-block', false, (records: Uint8Array[]) => records.filter((_, i) => i !== 2)],
  ['leaves out a seal', false, (records: Uint8Array[]) => records.filter((record, i) => record[0] !== 3 || i > 6)],
  ['leaves out the epoch start', false, (records: Uint8Array[]) => records.slice(1)],
  ['sends a seal early', false, (records: Uint8Array[]) => [records[0], records[5], ...records.slice(1)]],
  ['sends nothing but noise', true, () => [Uint8Array.of(5, 1), new Uint8Array(), Uint8Array.of(200)]],
])('a peer that %s halts nobody, and is told from one that lags (forged: %s)', async (_, isForged, damage) => {
  chain.block(4);
  chain.block(4);
  replica.peers.records = damage([...chain.records]) as Uint8Array[];
  await waitFor(() => replica.peers.requests.length > 4);
  expect(replica.node.status().state).not.toBe('halted');
  expect(replica.peers.refused[0]).toEqual({ code: 'RANGE_INVALID', isForged });
  replica.peers.records = chain.records;
  await replica.blockIs(2);
  expect(replica.log.entries.map(({ bytes }) => bytes)).toEqual(chain.records);
});

test('a range signed by a stranger is not applied', async () => {
  const { miniBlock } = chain.miniBlock();
  replica.peers.records = [chain.records[0] as Uint8Array, chain.resign(miniBlock, {}, {}, testSigner('stranger'))];
  await waitFor(() => replica.peers.requests.length > 4);
  expect(replica.node.status().miniBlock).toBe(0);
  expect(replica.peers.refused[0]).toEqual({ code: 'RANGE_INVALID', isForged: true });
});

test('a peer that serves a wrong witness only delays the proof', async () => {
  const block = chain.block();
  replica.peers.witnesses.set(1, block.witness.slice(1));
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  await waitFor(() => replica.node.status().state === 'live');
  expect(replica.node.status().rootVerifiedBlock).toBe(0);
  await waitFor(() => replica.peers.refused.length > 0);
  expect(replica.peers.refused[0]).toEqual({ code: 'WITNESS_DIGEST_MISMATCH', isForged: false });
  replica.peers.witnesses.set(1, block.witness);
  await waitFor(() => replica.node.status().rootVerifiedBlock === 1);
});

test('stop returns while a peer hangs', async () => {
  replica.peers.range = async function* () {
    await new Promise(() => {});
    yield new Uint8Array();
  };
  chain.block();
  replica.deliver(chain.heartbeat());
  await replica.node.stop();
  await replica.node.run();
});

test('a log that fails ends the node visibly', async () => {
  replica.log.append = () => Promise.reject(new TypeError('disk on fire'));
  chain.miniBlock();
  replica.deliver(...chain.records);
  await expect(replica.node.run()).rejects.toThrow('disk on fire');
  expect(replica.node.ready()).toEqual({ isReady: false, reason: 'FAILED: disk on fire' });
});
