import { afterEach, expect, test } from 'vitest';
import { bytesEqual } from '../../../src/util/bytes.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let replica: ReplicaHarness | undefined;
afterEach(() => replica?.stop());

test('gossiped mini-blocks and seals become the head, with state, log and readiness', async () => {
  const chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
  expect(replica.node.ready().reason).toContain('BOOTSTRAPPING');
  for (let i = 0; i < 3; i++) chain.block(3, 2);
  replica.deliver(...chain.records);
  await replica.blockIs(3);
  await waitFor(() => replica?.node.ready().isReady);
  expect(replica.node.status()).toMatchObject({ state: 'live', miniBlock: 9, lag: 0, waiting: 0, isReady: true });
  expect(replica.log.entries.map(({ bytes }) => bytes)).toEqual(chain.records);
  for (const { address } of chain.builder.accounts)
    expect(replica.state.getAccount(address)).toEqual(chain.builder.state.getAccount(address));
  expect(bytesEqual(replica.store.head().hash, chain.blocks[2]?.hash ?? new Uint8Array())).toBe(true);
});

test('proven and attested blocks become safe, whatever comes first', async () => {
  const chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
  const first = chain.block();
  const second = chain.block();
  // Attestations before anything else, the witnesses of the second block before those of the first.
  const records = [...chain.records];
  replica.attest(...chain.attest(first), ...chain.attest(second));
  replica.chunks(...second.witnessChunks);
  replica.deliver(...records);
  await replica.blockIs(2);
  expect(replica.store.safeNumber()).toBeUndefined();
  replica.chunks(...first.witnessChunks);
  await replica.safeIs(2);
  expect((await replica.store.blockStatus(1))?.attestedBy).toHaveLength(2);
});

test('fewer agreeing provers than the threshold leave the safe head where it is', async () => {
  const chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
  const block = chain.block();
  const records = [...chain.records];
  const [one, two] = chain.attest(block) as [Uint8Array, Uint8Array];
  replica.deliver(...records);
  replica.chunks(...block.witnessChunks);
  replica.attest(one);
  // The same prover again, and the same bytes again, do not count twice.
  expect(replica.attest(one)).toEqual([{ kind: 'ignore', code: 'KNOWN' }]);
  await waitFor(async () => (await replica?.store.blockStatus(1))?.rootVerified);
  await waitFor(async () => (await replica?.store.blockStatus(1))?.attestedBy.length === 1);
  expect(replica.store.safeNumber()).toBeUndefined();
  replica.attest(two);
  await replica.safeIs(1);
});

test('a witness that no peer has is not asked for with every block that comes', async () => {
  const chain = new ReplicaFixture();
  const pauseMs = 60_000;
  replica = await ReplicaHarness.start(chain, { backoffMinMs: pauseMs, backoffMaxMs: pauseMs });
  let delivered = 0;
  for (let i = 0; i < 10; i++) {
    chain.block();
    replica.deliver(...chain.records.slice(delivered));
    delivered = chain.records.length;
    await replica.blockIs(i + 1);
    await waitFor(() => replica?.peers.witnessRequests.length === 1);
  }
  // Gossip may still bring it.
  for (const block of chain.blocks) replica.chunks(...block.witnessChunks);
  await waitFor(async () => (await replica?.store.blockStatus(10))?.rootVerified);
  expect(replica.peers.witnessRequests).toEqual([1]);
});
