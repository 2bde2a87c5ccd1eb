import { describe, expect, it } from 'vitest';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { type EpochStart, epochStartDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { ProgressFile } from '../../../src/prover-stub/progress-file.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';
import { FakeNetwork, miniBlockMessages } from './fake-network.ts';
import { forge } from './forge.ts';
import { attestations, blocks, chain, startProver, transferBlock } from './prover-scene.ts';

describe('a share of the blocks', () => {
  it('attests the blocks of the share alone, without asking for the witnesses of others', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    for (const number of [1, 3, 5]) network.witnesses.delete(number);
    const { prover, skipped } = await startProver({ network, share: { index: 0, of: 2 } });
    await expect.poll(() => prover.status().blockNumber).toBe(5);
    await network.whenPublished(2);
    expect(attestations(network).map(({ blockNumber, success }) => [blockNumber, success])).toEqual([
      [2, true],
      [4, true],
    ]);
    expect(skipped).toHaveLength(3);
    expect(prover.status()).toMatchObject({ lag: 0, unprovable: [] });
  });

  it('still holds the block against what the sequencer signed of the one before', async () => {
    const network = new FakeNetwork();
    const [first, second] = blocks as [ExecutedBlock, ExecutedBlock];
    // Block 2 as it is, behind a first block that ends elsewhere.
    network.serve(forge(first, { header: { gasLimit: 1n } }), second);
    const { prover } = await startProver({ network, share: { index: 0, of: 2 } });
    await network.whenPublished(1);
    expect(attestations(network)).toMatchObject([{ blockNumber: 2, success: false }]);
    expect(prover.status().disagreements[0]?.reasons).toEqual([expect.stringContaining('seal: parentHash')]);
  });

  it('goes on in its share after a restart', async () => {
    const share = { index: 1, of: 2 };
    const first = await startProver({ share });
    first.network.serve(...blocks.slice(0, 2));
    await expect.poll(() => first.prover.status().blockNumber).toBe(2);
    await first.prover.stop();
    const network = new FakeNetwork();
    network.serve(...blocks);
    await startProver({ network, path: first.path, share });
    await network.whenPublished(2);
    expect(attestations(network).map(({ blockNumber }) => blockNumber)).toEqual([3, 5]);
  });
});

describe('a restart', () => {
  it('goes on behind the newest attested block and attests what was missed', async () => {
    const first = await startProver();
    first.network.serve(...blocks.slice(0, 2));
    await first.network.whenPublished(2);
    await first.prover.stop();
    const network = new FakeNetwork();
    network.serve(...blocks);
    await startProver({ network, path: first.path });
    await network.whenPublished(3);
    expect(attestations(network).map(({ blockNumber }) => blockNumber)).toEqual([3, 4, 5]);
  });

  it('refuses the progress of another prover', async () => {
    const first = await startProver();
    first.network.serve(blocks[0] as ExecutedBlock);
    await first.network.whenPublished(1);
    await first.prover.stop();
    const owner = { genesisHash: chain.identity.genesisHash, prover: testSigner('prover 1').address };
    await expect(new ProgressFile(first.path).load(owner)).rejects.toMatchObject({ code: 'PROGRESS_OF_ANOTHER' });
  });
});

describe('logs of peers that begin behind what is done', () => {
  const limits = { rangeAttempts: 2 };

  /** A peer that has pruned all but so many newest records. */
  const pruned = (kept: number): FakeNetwork => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    network.records = network.records.slice(-kept);
    return network;
  };
  const records = (from: number): number =>
    blocks.slice(from).reduce((sum, block) => sum + miniBlockMessages(block).length + 1, 0);

  it.each([
    ['at a block', 0, 2, [3, 4, 5]],
    ['within a block', 1, 3, [4, 5]],
  ])('are gone on with where they begin %s', async (_, less, passed, attested) => {
    const network = pruned(records(2) - less);
    const { prover, unprovable } = await startProver({ network, limits });
    await network.whenPublished(attested.length);
    expect(attestations(network).map(({ blockNumber, success }) => [blockNumber, success])).toEqual(
      attested.map((number) => [number, true]),
    );
    expect(unprovable).toEqual(['NO_PEER_HAS_LOG']);
    expect(prover.status().unprovable).toEqual([{ blockNumber: passed, code: 'NO_PEER_HAS_LOG' }]);
  });

  it('are gone on with right behind the newest attested block', async () => {
    const first = await startProver();
    first.network.serve(...blocks.slice(0, 2));
    await first.network.whenPublished(2);
    await first.prover.stop();
    const network = pruned(records(2));
    const { unprovable } = await startProver({ network, path: first.path, limits });
    await network.whenPublished(3);
    expect(attestations(network).map(({ blockNumber }) => blockNumber)).toEqual([3, 4, 5]);
    expect(unprovable).toEqual([]);
  });

  it('are not waited for any longer than a stop', async () => {
    const network = pruned(records(2));
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    network.offers = () => {
      resolve();
      return new Promise(() => {});
    };
    const { prover } = await startProver({ network, limits });
    await asked;
    await prover.stop();
    expect(prover.status().unprovable).toEqual([]);
  });
});

/** A chain with block 1 as in epoch 1, and the start of the epoch 2 in which it goes on. */
async function chainOfEpoch2(): Promise<{ other: ExecutedChain; start: EpochStart; bytes: Bytes }> {
  const other = new ExecutedChain({ accounts: 2 });
  const { lastNumber, lastDigest, genesisHash } = (await transferBlock(other, 1n)).seal;
  other.epoch = 2;
  const unsigned = { genesisHash, epoch: 2, lastNumber, lastDigest, sequencerKey: other.sequencer.address };
  const start = withSignature(unsigned, epochStartDigest(unsigned), other.sequencer);
  return { other, start, bytes: encodeSequencerMessage({ kind: 'epochStart', epochStart: start }) };
}

describe('a new epoch that gives up a sealed block', () => {
  it.each([true, false])('is proved again on the new tail (epoch start gossiped: %s)', async (isGossiped) => {
    const network = new FakeNetwork();
    network.serve(...blocks.slice(0, 2));
    await startProver({ network });
    await network.whenPublished(2);
    const { other, start, bytes } = await chainOfEpoch2();
    const tail = [await transferBlock(other, 98n), await transferBlock(other, 99n)];
    network.records = network.records.slice(0, 4);
    network.records.push({ number: start.lastNumber, bytes });
    network.serve(...tail);
    if (isGossiped) network.deliver('mini-blocks', bytes);
    await network.whenPublished(4);
    expect(attestations(network).slice(2)).toMatchObject(
      tail.map(({ hash }, at) => ({ blockNumber: at + 2, blockHash: hash, success: true })),
    );
  });
});

describe('a peer that still follows the epoch before', () => {
  it('does not make it attest what the new epoch gave up', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks.slice(0, 1));
    const { prover } = await startProver({ network });
    await network.whenPublished(1);
    const { other, bytes } = await chainOfEpoch2();
    network.deliver('mini-blocks', bytes);
    network.serve(blocks[1] as ExecutedBlock);
    const { rangeRequests } = network;
    await waitFor(() => network.rangeRequests > rangeRequests + 2);
    expect(prover.status()).toMatchObject({ blockNumber: 1 });
    network.records.splice(-miniBlockMessages(blocks[1] as ExecutedBlock).length - 1);
    const tail = await transferBlock(other, 98n);
    network.serve(tail);
    await network.whenPublished(2);
    expect(attestations(network)[1]).toMatchObject({ blockNumber: 2, blockHash: tail.hash });
  });
});
