import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { MemoryLog, ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let chain: ReplicaFixture;
let replica: ReplicaHarness;
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
});
afterEach(() => replica.stop());

test('a restart comes back to the open mini-block and goes on', async () => {
  chain.block(3);
  chain.miniBlock();
  replica.deliver(...chain.records);
  await replica.miniBlockIs(4);
  replica = await replica.restart();
  expect(replica.node.status()).toMatchObject({ miniBlock: 4, block: 1, epoch: 2 });
  const from = chain.records.length;
  chain.miniBlock();
  chain.seal();
  replica.deliver(...chain.records.slice(from));
  await replica.blockIs(2);
});

test('blocks that the store missed come back from the log', async () => {
  for (let i = 0; i < 3; i++) chain.block();
  const log = new MemoryLog();
  replica.deliver(...chain.records);
  await replica.blockIs(3);
  log.entries = replica.log.entries;
  await replica.stop();
  replica = await ReplicaHarness.start(chain, {}, log);
  expect(replica.node.status()).toMatchObject({ miniBlock: 6, block: 3, epoch: 2 });
  for (const { address } of chain.builder.accounts)
    expect(replica.state.getAccount(address)).toEqual(chain.builder.state.getAccount(address));
});

test('a wrong record that a crash left in the log is cut and fetched again', async () => {
  chain.block();
  const { miniBlock, record } = chain.miniBlock();
  const log = new MemoryLog();
  replica.deliver(...chain.records);
  await replica.miniBlockIs(3);
  const wrong = chain.resign(miniBlock, { parentDigest: new Uint8Array(32) });
  log.entries = replica.log.entries.map((entry) =>
    entry.bytes[0] === 1 && entry.number === 3 ? { ...entry, bytes: wrong } : entry,
  );
  await replica.stop();
  replica = await ReplicaHarness.start(chain, {}, log);
  expect(replica.node.status()).toMatchObject({ miniBlock: 2, block: 1 });
  replica.deliver(record.bytes);
  await replica.miniBlockIs(3);
});

test('a log that ends below the store refuses to start', async () => {
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  const { log } = replica;
  const kept = log.entries;
  log.entries = kept.slice(0, 2);
  await expect(replica.restart()).rejects.toMatchObject({ code: 'LOG_BEHIND_STORE' });
});

test('blocks that were not proven before the restart are proven from the log', async () => {
  chain.block(3, 2);
  chain.block(2, 2);
  replica.deliver(...chain.records);
  await replica.blockIs(2);
  for (const block of chain.blocks) replica.attest(...chain.attest(block));
  await waitFor(async () => (await replica.store.blockStatus(2))?.attestedBy.length === 2);
  replica = await replica.restart();
  expect(replica.store.safeNumber()).toBeUndefined();
  for (const { seal, witness } of chain.blocks) replica.peers.witnesses.set(seal.header.number, witness);
  await replica.safeIs(2);
});

test('attestations of blocks from before the restart are weighed against the log', async () => {
  const block = chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  replica = await replica.restart();
  replica.peers.witnesses.set(1, block.witness);
  replica.attest(...chain.attest(block));
  await replica.safeIs(1);
});

test('a halt after a restart undoes what an earlier process sealed, too', async () => {
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  replica = await replica.restart();
  const { miniBlock } = chain.miniBlock();
  replica.deliver(chain.records.at(-1) as Uint8Array);
  await replica.miniBlockIs(3);
  replica.deliver(chain.resign(miniBlock, { timestampUs: miniBlock.envelope.timestampUs + 1 }));
  expect(await replica.halted()).toBe('EQUIVOCATION');
  await replica.miniBlockIs(0);
  expect(replica.node.status()).toMatchObject({ block: 0, safeBlock: null });
});

test('a new epoch undoes blocks that an earlier process sealed', async () => {
  chain.block();
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(2);
  replica = await replica.restart();
  const twin = new ReplicaFixture();
  twin.block();
  replica.deliver(twin.startEpoch());
  await replica.miniBlockIs(2);
  expect(replica.node.status()).toMatchObject({ block: 1, epoch: 3 });
});

/** Two blocks, the old values of which are gone, in a node that can be wired anew. */
async function forgetful(): Promise<{ readonly begun: () => number }> {
  let begun = 0;
  await replica.stop();
  replica = await ReplicaHarness.start(chain, { beginAnew: () => begun++ });
  chain.block();
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(2);
  replica.state.release(4);
  return { begun: () => begun };
}

test('an epoch below what is still known of old values has the node begin anew behind its start', async () => {
  const { begun } = await forgetful();
  const twin = new ReplicaFixture();
  twin.block();
  const start = twin.startEpoch();
  replica.deliver(start);
  await waitFor(() => begun() > 0);
  // Nothing is applied on what goes away.
  chain.block();
  replica.deliver(...chain.records);
  const log = new MemoryLog();
  log.entries = replica.log.entries;
  await replica.stop();
  expect(replica.evidence.halted()).toBeUndefined();
  expect(log.lastNumber()).toBe(2);
  replica = await ReplicaHarness.start(chain, {}, log);
  replica.deliver(start);
  await waitFor(() => replica.node.status().epoch === 3);
  expect(replica.node.status()).toMatchObject({ miniBlock: 2, block: 1 });
});

test('a halt goes back to the safe block though old values are gone', async () => {
  const { begun } = await forgetful();
  const { miniBlock } = chain.miniBlock();
  replica.deliver(chain.records.at(-1) as Uint8Array);
  await replica.miniBlockIs(5);
  replica.deliver(chain.resign(miniBlock, { timestampUs: miniBlock.envelope.timestampUs + 1 }));
  expect(await replica.halted()).toBe('EQUIVOCATION');
  await waitFor(() => begun() > 0);
  expect(replica.log.lastNumber()).toBe(0);
});

test('an epoch below what is still known of old values halts a node that cannot begin anew', async () => {
  chain.block();
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(2);
  replica.state.release(4);
  const twin = new ReplicaFixture();
  twin.block();
  replica.deliver(twin.startEpoch());
  expect(await replica.halted()).toBe('UNDO_NOT_AVAILABLE');
  expect(replica.node.status()).toMatchObject({ miniBlock: 4, epoch: 2 });
});
