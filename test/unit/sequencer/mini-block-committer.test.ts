import { beforeEach, describe, expect, test } from 'vitest';
import type { BlockEnvironment } from '../../../src/protocol/block-header.ts';
import { decodeBody, MINI_BLOCK_VERSION } from '../../../src/protocol/mini-block.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { BlockSealer } from '../../../src/sequencer/block-sealer.ts';
import { type ExecutedBatch, MiniBlockBuilder } from '../../../src/sequencer/mini-block-builder.ts';
import { MiniBlockCommitter } from '../../../src/sequencer/mini-block-committer.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { defined } from '../../support/defined.ts';
import { createSequencerKit, type SequencerKit } from '../../support/sequencer-kit.ts';

const clock = { now: 0, nowMs: () => clock.now };
let kit: SequencerKit;
let committer: MiniBlockCommitter;
let env: BlockEnvironment;

beforeEach(async () => {
  clock.now = 1_800_000_000_000.25;
  kit = await createSequencerKit({ clock });
  committer = new MiniBlockCommitter(kit.options, kit.modules);
  env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.now);
  await kit.engine.beginBlock(env);
});

async function execute(): Promise<ExecutedBatch> {
  const builder = new MiniBlockBuilder({ ...kit.modules, nowMs: clock.nowMs, onRejected: () => {} });
  return builder.build(env, {
    executeUntilMs: clock.now + 7,
    isWaiting: () => false,
    blockGasUsed: 0n,
    blockRecordBytes: 0,
    gasBudget: 10n ** 9n,
  });
}

test('log, then state, then everyone else', async () => {
  kit.pool(0);
  await committer.commit(env, await execute(), 1);
  expect(kit.events).toEqual([
    'log.append miniBlock',
    'log.synced miniBlock',
    'chain.appendMiniBlock',
    'gossip.publish mini-blocks',
  ]);
  expect(kit.log.entries.map(({ bytes }) => bytes)).toEqual(kit.gossiped.map(({ message }) => message));
});

test('nothing is applied or published while the log is not synced, and nothing at all when it fails', async () => {
  kit.pool(0);
  const batch = await execute();
  const gate = Promise.withResolvers<void>();
  kit.log.gate = gate.promise;
  const committing = committer.commit(env, batch, 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(kit.events).toEqual(['log.append miniBlock']);
  expect(kit.modules.chainState.head().number).toBe(0);
  const sender = defined(kit.builder.accounts[0]).address;
  expect(kit.state.getAccount(sender)?.nonce).toBe(0n);
  kit.log.failure = new StrobeError('LOG_FAILED', 'the disk is full');
  gate.resolve();
  await expect(committing).rejects.toMatchObject({ code: 'LOG_FAILED' });
  expect(kit.events).toEqual(['log.append miniBlock']);
  expect(kit.state.getAccount(sender)?.nonce).toBe(0n);
  expect(kit.chain.miniBlocks).toEqual([]);
});

describe('an envelope', () => {
  test('is signed, continues the chain, and its digests are of what it carries', async () => {
    const transaction = kit.pool(0);
    const batch = await execute();
    const before = await createSequencerKit({ clock });
    const { miniBlock } = await committer.commit(env, batch, 3);
    const { envelope, digest } = miniBlock;
    expect(envelope).toMatchObject({
      version: MINI_BLOCK_VERSION,
      genesisHash: kit.options.identity.genesisHash,
      chainId: kit.options.genesis.chainId,
      epoch: 3,
      number: 1,
      parentDigest: kit.options.identity.genesisHash,
      blockNumber: 1,
      index: 0,
      timestampUs: 1_800_000_000_000_250,
      env,
      diffPayloadDigest: keccak256(miniBlock.diffPayload),
      bodyPayloadDigest: keccak256(miniBlock.bodyPayload),
    });
    expect(recoverAddress(digest, envelope.signature)).toEqual(kit.modules.signer.address);
    // Read beside the same state as in front of it.
    const { codec } = before.modules;
    expect(codec.digest(codec.decode(miniBlock.diffPayload, envelope))).toEqual(envelope.stateDiffDigest);
    expect(decodeBody(miniBlock.bodyPayload, envelope).transactions.map(({ raw }) => raw)).toEqual([transaction.raw]);
  });

  test('has env at index 0 only, and a later time even when the clock steps back', async () => {
    const first = await committer.commit(env, await execute(), 1);
    clock.now -= 3_600_000;
    kit.pool(0);
    const second = await committer.commit(env, await execute(), 1);
    expect(second.miniBlock.envelope).toMatchObject({
      number: 2,
      index: 1,
      env: undefined,
      parentDigest: first.miniBlock.digest,
    });
    expect(second.miniBlock.envelope.timestampUs).toBe(first.miniBlock.envelope.timestampUs + 1);
  });

  test('of the next block begins at index 0 again', async () => {
    await committer.commit(env, await execute(), 1);
    await new BlockSealer(kit.options, kit.modules).seal(1).done;
    env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.now);
    const next = await committer.commit(env, await execute(), 1);
    expect(next.miniBlock.envelope).toMatchObject({ number: 2, blockNumber: 2, index: 0, env });
    expect(env.parentHash).toEqual(kit.chain.head().hash);
  });
});

test('the next batch may be executed while one becomes durable', async () => {
  const gate = Promise.withResolvers<void>();
  kit.log.gate = gate.promise;
  kit.pool(0);
  const first = committer.commit(env, await execute(), 1);
  kit.pool(0);
  const batch = await execute();
  expect(batch.decoded).toHaveLength(1);
  gate.resolve();
  await first;
  const sender = defined(kit.builder.accounts[0]).address;
  expect(kit.state.getAccount(sender)?.nonce).toBe(1n);
  await committer.commit(env, batch, 1);
  expect(kit.state.getAccount(sender)?.nonce).toBe(2n);
});

test('the pool follows nonces that the diff moved', async () => {
  const later = kit.transfer(1);
  const sender = defined(kit.builder.accounts[1]).address;
  kit.mempool.add(later, sender);
  const account = defined(kit.modules.world.getAccount(sender));
  // As an authorization in somebody else's transaction does.
  kit.modules.world.setAccount(sender, { ...account, nonce: 1n });
  await committer.commit(env, { transactions: [], decoded: [], receipts: [], gasUsed: 0n, recordBytes: 0, blockFull: false }, 1);
  expect(kit.mempool.get(later.hash)).toBeUndefined();
});
