import { beforeEach, expect, test } from 'vitest';
import { hashHeader } from '../../../src/protocol/block-header.ts';
import { encodeReceipt, logsBloom } from '../../../src/protocol/receipt.ts';
import {
  blockSealDigest,
  decodeWitnessChunk,
  splitWitness,
  witnessChunkDigest,
  witnessDigest,
} from '../../../src/protocol/sequencer-messages.ts';
import { decodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { decodeWitness } from '../../../src/protocol/witness.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { BlockSealer } from '../../../src/sequencer/block-sealer.ts';
import { MiniBlockBuilder } from '../../../src/sequencer/mini-block-builder.ts';
import { MiniBlockCommitter } from '../../../src/sequencer/mini-block-committer.ts';
import { indexTrieRoot } from '../../../src/state/index-trie.ts';
import { verifyRootTransition } from '../../../src/state/witness/witness-check.ts';
import { concatBytes, toKey } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { defined } from '../../support/defined.ts';
import { createSequencerKit, type SequencerKit } from '../../support/sequencer-kit.ts';
import { testLog } from '../../support/test-accounts.ts';

const clock = { now: 1_800_000_000_000, nowMs: () => clock.now };
let kit: SequencerKit;
let sealer: BlockSealer;

beforeEach(async () => {
  kit = await createSequencerKit({ clock });
  sealer = new BlockSealer(kit.options, kit.modules);
});

/** Executes and commits what is pooled as mini-blocks of `size` transactions. */
async function fillBlock(size: number): Promise<void> {
  const { engine } = kit;
  const env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.now);
  await engine.beginBlock(env);
  const committer = new MiniBlockCommitter(kit.options, kit.modules);
  const builder = new MiniBlockBuilder({ ...kit.modules, nowMs: clock.nowMs, onRejected: () => {} });
  do {
    const gasBudget = 21_000n * BigInt(size);
    await committer.commit(
      env,
      await builder.build(env, {
        executeUntilMs: clock.now + 1,
        isWaiting: () => false,
        blockGasUsed: 0n,
        blockRecordBytes: 0,
        gasBudget,
      }),
      1,
    );
  } while (kit.mempool.readyCount > 0);
}

test('the witness is stored before the seal is logged, and both before anyone sees the block', async () => {
  kit.pool(0);
  await fillBlock(5);
  kit.events.length = 0;
  const { witnessBytes } = kit.modules.world;
  const { seal, stored } = await sealer.seal(1).done;
  // The builder goes by it, so it must not be less.
  expect(seal.witnessBytes).toBeLessThan(witnessBytes);
  expect(kit.events).toEqual([
    'witnesses.put',
    'log.append blockSeal',
    'log.synced blockSeal',
    'chain.sealBlock',
    'gossip.publish seals',
    'gossip.publish witnesses',
  ]);
  expect(kit.witnesses.get(1)).toHaveLength(seal.witnessBytes);
  expect(kit.log.entries.at(-1)?.bytes).toBe(kit.gossiped.find(({ topic }) => topic === 'seals')?.message);
  expect((await stored).header.number).toBe(1);
  expect(kit.modules.chainState.openBlock()).toBeUndefined();
  // What was told is never undone here, so nothing is kept for that.
  await expect(kit.modules.chainState.rollback(0)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
});

test('a log that fails leaves the block open and tells nobody', async () => {
  await fillBlock(1);
  kit.events.length = 0;
  kit.log.failure = new StrobeError('LOG_FAILED', 'the disk is full');
  await expect(sealer.seal(1).done).rejects.toMatchObject({ code: 'LOG_FAILED' });
  expect(kit.events).toEqual(['witnesses.put', 'log.append blockSeal']);
  expect(kit.chain.head().header.number).toBe(0);
  expect(kit.modules.chainState.openBlock()).toBeDefined();
});

test('the seal is signed, and says of the block what its mini-blocks say', async () => {
  const transactions = [0, 1, 0, 2].map((i) => kit.pool(i));
  const logs = [testLog(defined(kit.builder.accounts[0]).address, 7)];
  const receipt = { type: 2 as const, status: 1 as const, cumulativeGasUsed: 0n, logs };
  kit.engine.outcomes.set(toKey(defined(transactions[1]).hash), { kind: 'included', gasUsed: 50_000n, receipt });
  await fillBlock(2);
  const { chainState } = kit.modules;
  const blockDiff = chainState.openBlockDiff();
  await sealer.seal(3).done;
  const seal = defined(kit.messages('blockSeal')[0]).blockSeal;
  expect(recoverAddress(blockSealDigest(seal), seal.signature)).toEqual(kit.modules.signer.address);
  const receipts = kit.chain.miniBlocks.flatMap(({ body }) => body.receipts);
  expect(seal).toMatchObject({
    genesisHash: kit.options.identity.genesisHash,
    epoch: 3,
    firstNumber: 1,
    lastNumber: chainState.head().number,
    lastDigest: chainState.head().digest,
    stateDiffDigest: keccak256(blockDiff),
    registryDigest: chainState.registryDigest(),
  });
  expect(seal.lastNumber).toBeGreaterThan(1);
  const env = defined(kit.engine.blocks[0]);
  expect(seal.header).toMatchObject({
    parentHash: env.parentHash,
    number: 1,
    timestamp: env.timestamp,
    baseFeePerGas: env.baseFeePerGas,
    gasLimit: env.gasLimit,
    coinbase: env.coinbase,
    prevRandao: env.prevRandao,
    gasUsed: 113_000n,
    transactionsRoot: indexTrieRoot(transactions.map(({ raw }) => raw)),
    receiptsRoot: indexTrieRoot(receipts.map(encodeReceipt)),
    logsBloom: logsBloom(logs),
  });
});

test('the witness travels in signed chunks, joins to what the seal commits to, and proves the state root', async () => {
  for (const i of [0, 1, 2]) kit.pool(i);
  const preStateRoot = kit.chain.head().header.stateRoot;
  await fillBlock(10);
  const diffBytes = kit.modules.chainState.openBlockDiff();
  await sealer.seal(1).done;
  const seal = defined(kit.messages('blockSeal')[0]).blockSeal;
  const chunks = kit.gossiped.filter(({ topic }) => topic === 'witnesses').map(({ message }) => decodeWitnessChunk(message));
  const witness = concatBytes(...chunks.map(({ data }) => data));
  expect(witness).toEqual(kit.witnesses.get(1));
  expect(witnessDigest(splitWitness(witness).map(keccak256))).toEqual(seal.witnessDigest);
  for (const chunk of chunks) {
    expect(recoverAddress(witnessChunkDigest(chunk), chunk.signature)).toEqual(kit.modules.signer.address);
    expect(chunk).toMatchObject({ blockNumber: 1, blockHash: hashHeader(seal.header) });
  }
  verifyRootTransition(witness, { preStateRoot, postStateRoot: seal.header.stateRoot, diffBytes });
  const keys = decodeWitness(witness).keys.map(({ address }) => toKey(address));
  for (const { address } of decodeStateDiff(diffBytes).accounts) expect(keys).toContain(toKey(address));
});

test('an empty block has a seal too, and the next one builds on it', async () => {
  await fillBlock(1);
  await sealer.seal(1).done;
  await fillBlock(1);
  await sealer.seal(1).done;
  const [first, second] = kit.messages('blockSeal').map(({ blockSeal }) => blockSeal);
  expect(defined(second).header).toMatchObject({
    number: 2,
    parentHash: hashHeader(defined(first).header),
    gasUsed: 0n,
    timestamp: defined(first).header.timestamp + 1,
  });
  expect(defined(second)).toMatchObject({ firstNumber: 2, lastNumber: 2 });
});
