import { afterEach, expect, test } from 'vitest';
import type { BlockReexecutor, ReexecutedBlock } from '../../../src/fullnode/block-reexecutor.ts';
import { ReexecutionSampler } from '../../../src/fullnode/reexecution-sampler.ts';
import { decodeBlockSeal } from '../../../src/protocol/sequencer-messages.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { defined } from '../../support/defined.ts';
import { judge } from '../../support/judge-evidence.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const numberOf = ({ seal }: ReexecutedBlock): number => decodeBlockSeal(seal).header.number;

/** A replica whose blocks are executed again by `reexecute`, with blocks 1 to 3 of a chain. */
async function replicaWith(reexecute: BlockReexecutor): Promise<{ chain: ReplicaFixture; replica: ReplicaHarness }> {
  const chain = new ReplicaFixture();
  const replica = await ReplicaHarness.start(chain, { sampleRate: 1, reexecute });
  stops.push(() => replica.stop());
  for (let i = 0; i < 3; i++) chain.block();
  for (const block of chain.blocks) replica.peers.witnesses.set(block.seal.header.number, block.witness);
  replica.deliver(...chain.records);
  return { chain, replica };
}

test('each sampled block is executed again from its own mini-blocks and witness', async () => {
  const seen: ReexecutedBlock[] = [];
  const { chain, replica } = await replicaWith(async (block) => {
    seen.push(block);
    return [];
  });
  await waitFor(() => seen.length === 3);
  for (const [at, block] of chain.blocks.entries()) {
    expect(decodeBlockSeal(defined(seen[at]).seal)).toEqual(block.seal);
    expect(seen[at]?.witness).toEqual(block.witness);
    const sent = chain.miniBlocks.slice(2 * at, 2 * at + 2).map((bytes) => bytes.subarray(1));
    expect(seen[at]?.miniBlocks).toEqual(sent);
  }
  expect(replica.node.status().state).toBe('live');
  expect((await replica.metrics.expose()).body).toContain('replica_samples_total{outcome="agrees"} 3');
});

test('a block that execution shows wrong halts the node at the safe block, with all that proves it', async () => {
  const reexecute: BlockReexecutor = async (block) => (numberOf(block) === 2 ? ['header: stateRoot differs'] : []);
  const { chain, replica } = await replicaWith(reexecute);
  expect(await replica.halted()).toBe('WRONG_EXECUTION');
  await replica.miniBlockIs(0);
  expect(replica.node.ready().reason).toContain('stateRoot differs');
  const [evidence] = replica.evidence.list();
  expect(await judge(evidence, chain, reexecute)).toEqual({
    isProven: true,
    statement: expect.stringContaining('header: stateRoot differs'),
  });
  expect(await judge(evidence, chain, async () => [])).toMatchObject({ isProven: false });
});

test('a block about which nothing can be said is counted and halts nobody', async () => {
  const { replica } = await replicaWith(async () => {
    throw new StrobeError('WITNESS_INCOMPLETE', 'a hole');
  });
  await waitFor(async () => (await replica.metrics.expose()).body.includes('replica_samples_total{outcome="unprovable"} 3'));
  expect(replica.node.status().state).toBe('live');
});

test('what is wrong with a block that was undone meanwhile is no news', async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const asked: number[] = [];
  const { replica } = await replicaWith(async (block) => {
    asked.push(numberOf(block));
    await opened;
    return ['wrong'];
  });
  await waitFor(() => asked.length === 1);
  const twin = new ReplicaFixture();
  const start = twin.startEpoch();
  replica.deliver(start);
  await replica.miniBlockIs(0);
  open();
  await waitFor(async () => (await replica.metrics.expose()).body.includes('replica_samples_total{outcome="disagrees"}'));
  expect(replica.node.status().state).not.toBe('halted');
});

interface Sampled {
  readonly rate: number;
  readonly draws?: readonly number[];
  readonly reexecute?: BlockReexecutor;
}

function samplerOf({ rate, draws, reexecute = async () => [] }: Sampled) {
  const chain = new ReplicaFixture();
  const block = chain.block();
  const counts = { done: 0, skipped: 0 };
  const left = [...(draws ?? [])];
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const sampler = new ReexecutionSampler(
    { sampleRate: rate },
    {
      reexecute,
      log: { read: async function* () {} },
      metrics: { recordSample: () => counts.done++, recordSampleSkipped: () => counts.skipped++ },
      logger: quiet,
      onWrong: async () => {},
      ...(draws === undefined ? {} : { random: () => left.shift() ?? 0 }),
    },
  );
  const offer = () => sampler.offer({ seal: block.seal, hash: block.hash, preStateRoot: block.preStateRoot }, block.witness);
  return { sampler, offer, counts };
}

async function runSampler(sampler: ReexecutionSampler): Promise<void> {
  const stopping = new AbortController();
  const running = sampler.run(stopping.signal);
  stops.push(async () => {
    stopping.abort();
    await running;
  });
}

test('the rate decides which blocks are drawn', async () => {
  const { sampler, offer, counts } = samplerOf({ rate: 0.25, draws: [0.2, 0.25, 0.9, 0, 0.3] });
  await runSampler(sampler);
  for (let i = 0; i < 5; i++) offer();
  await waitFor(() => counts.done === 2);
  expect(counts).toEqual({ done: 2, skipped: 0 });
});

test.each([
  [0, 0],
  [1, 4],
])('at a rate of %d, of 4 blocks %d are executed', async (rate, executed) => {
  const { sampler, offer, counts } = samplerOf({ rate });
  for (let i = 0; i < 4; i++) offer();
  await runSampler(sampler);
  await waitFor(() => counts.done === executed);
  expect(counts).toEqual({ done: executed, skipped: 0 });
});

test('when it falls behind samples are left out and counted, and a stop does not wait for the one in work', async () => {
  const { sampler, offer, counts } = samplerOf({ rate: 1, reexecute: () => new Promise(() => {}) });
  await runSampler(sampler);
  for (let i = 0; i < 10; i++) offer();
  expect(counts).toEqual({ done: 0, skipped: 6 });
});
