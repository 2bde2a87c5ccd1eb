import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { attestationDigest, decodeAttestation } from '../../../src/protocol/attestation.ts';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { type EpochStart, epochStartDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { chainRules } from '../../../src/prover-stub/block-job.ts';
import { ProgressFile } from '../../../src/prover-stub/progress-file.ts';
import { createReexecutionMaker } from '../../../src/prover-stub/proof-makers.ts';
import { Prover } from '../../../src/prover-stub/prover.ts';
import type { ProverLimits } from '../../../src/prover-stub/prover-options.ts';
import { ALL_BLOCKS, type ProverShare } from '../../../src/prover-stub/prover-share.ts';
import {
  createInlineReexecution,
  type ReexecutionHost,
  startReexecutionThread,
} from '../../../src/prover-stub/reexecution-host.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { type TestAccount, testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';
import { chunkMessages, FakeNetwork, miniBlockMessages, sealMessage } from './fake-network.ts';
import { forge } from './forge.ts';

const LIMITS: Partial<ProverLimits> = {
  gossipGraceMs: 10,
  backoffMinMs: 1,
  backoffMaxMs: 5,
  pollMs: 50,
  republishIntervalMs: 60_000,
};

let chain: ExecutedChain;
let blocks: ExecutedBlock[];
const signer = testSigner('prover 0');

/** A block of transfers; the same for the same chain and `value`. */
async function transferBlock(on: ExecutedChain, value: bigint): Promise<ExecutedBlock> {
  const [alice, bob] = on.accounts as [TestAccount, TestAccount];
  return on.block([{ from: alice, to: bob.address, value }], [{ from: bob, to: alice.address, value }], []);
}

beforeAll(async () => {
  chain = new ExecutedChain({ accounts: 2 });
  blocks = [];
  for (let i = 1n; i <= 5n; i++) blocks.push(await transferBlock(chain, i));
});

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface Setup {
  readonly network?: FakeNetwork;
  readonly path?: string;
  readonly host?: ReexecutionHost;
  readonly limits?: Partial<ProverLimits>;
  readonly share?: ProverShare;
}

async function startProver(setup: Setup = {}) {
  const network = setup.network ?? new FakeNetwork();
  const path = setup.path ?? join(tempDirectory(), 'progress.json');
  const proved: number[] = [];
  const unprovable: string[] = [];
  const skipped: number[] = [];
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const prover = new Prover(
    {
      ...{ identity: chain.identity, genesis: chain.genesis, prover: signer.address, share: setup.share ?? ALL_BLOCKS },
      ...{ ...LIMITS, ...setup.limits },
    },
    {
      gossip: network,
      peers: network,
      maker: createReexecutionMaker(
        { identity: chain.identity, signer },
        setup.host ?? createInlineReexecution(chainRules(chain.genesis, chain.identity)),
      ),
      progress: new ProgressFile(path),
      logger: quiet,
      metrics: {
        recordBlockProved: ({ blockNumber }) => proved.push(blockNumber),
        recordLag: () => {},
        recordSkipped: () => skipped.push(1),
        recordUnprovable: (code) => unprovable.push(code),
      },
    },
  );
  await prover.start();
  const running = prover.run();
  stops.push(() => prover.stop());
  return { prover, running, network, path, proved, unprovable, skipped };
}

function attestations(network: FakeNetwork) {
  return network.published.filter(({ topic }) => topic === 'attestations').map(({ message }) => decodeAttestation(message));
}

function gossip(network: FakeNetwork, block: ExecutedBlock): void {
  for (const message of miniBlockMessages(block)) network.deliver('mini-blocks', message);
  for (const message of chunkMessages(block)) network.deliver('witnesses', message);
  network.deliver('seals', sealMessage(block));
}

describe('a prover on its first start', () => {
  it('attests every block from the first one on, from peers alone', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    const { prover } = await startProver({ network });
    await network.whenPublished(5);
    const signed = attestations(network);
    for (const [at, attestation] of signed.entries()) {
      const { seal, hash } = blocks[at] as ExecutedBlock;
      expect(attestation).toMatchObject({
        proofType: 1,
        blockNumber: at + 1,
        blockHash: hash,
        postStateRoot: seal.header.stateRoot,
        preStateRoot: chain.headers[at]?.stateRoot,
        stateDiffDigest: seal.stateDiffDigest,
        receiptsRoot: seal.header.receiptsRoot,
        lastMiniBlockDigest: seal.lastDigest,
        success: true,
      });
      const digest = attestationDigest(attestation, chain.identity);
      expect(recoverAddress(digest, attestation.signature)).toEqual(signer.address);
    }
    await expect.poll(() => prover.ready()).toEqual({ ready: true });
    expect(prover.status()).toEqual({ blockNumber: 5, lag: 0, disagreements: [], unprovable: [] });
  });

  it('reads on when an answer ends inside of a block', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    await startProver({ network, limits: { rangeLimit: 2 } });
    await network.whenPublished(5);
    expect(attestations(network).map(({ blockNumber }) => blockNumber)).toEqual([1, 2, 3, 4, 5]);
  });

  it('works within small buffers', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    await startProver({ network, limits: { maxMiniBlocks: 4, blockWindow: 1, maxWitnessBytes: 1 } });
    await network.whenPublished(5);
  });

  it('says which block needs more than its buffers', async () => {
    const network = new FakeNetwork();
    network.serve(blocks[0] as ExecutedBlock);
    const { prover } = await startProver({ network, limits: { maxMiniBlocks: 2 } });
    await expect.poll(() => prover.status().unprovable).toEqual([{ blockNumber: 1, code: 'BLOCK_TOO_LARGE' }]);
  });
});

describe('a prover that follows', () => {
  it('needs no peer for what gossip brings, in whatever order', async () => {
    const network = new FakeNetwork();
    const { prover } = await startProver({ network });
    await expect.poll(() => prover.ready()).toEqual({ ready: true });
    const [first, second] = blocks as [ExecutedBlock, ExecutedBlock];
    gossip(network, first);
    network.deliver('seals', sealMessage(second));
    for (const message of miniBlockMessages(second).reverse())
      expect(network.deliver('mini-blocks', message).kind).toBe('accept');
    for (const message of chunkMessages(second)) network.deliver('witnesses', message);
    await network.whenPublished(2);
    expect(network.witnessRequests).toBe(0);
    expect(attestations(network).every(({ success }) => success)).toBe(true);
  });

  it('asks for a mini-block that gossip lost', async () => {
    const network = new FakeNetwork();
    const { prover } = await startProver({ network });
    await expect.poll(() => prover.ready().ready).toBe(true);
    const [first] = blocks as [ExecutedBlock];
    network.serve(first);
    for (const message of miniBlockMessages(first).slice(1)) network.deliver('mini-blocks', message);
    network.deliver('seals', sealMessage(first));
    await network.whenPublished(1);
  });

  it('rejects what the sequencer did not sign', async () => {
    const { network } = await startProver();
    const foreign = forge(blocks[0] as ExecutedBlock, { signer: 'somebody' });
    expect(network.deliver('seals', sealMessage(foreign))).toEqual({ kind: 'reject', code: 'UNKNOWN_SIGNER' });
    for (const message of miniBlockMessages(foreign)) expect(network.deliver('mini-blocks', message).kind).toBe('reject');
    const altered = (chunkMessages(blocks[0] as ExecutedBlock)[0] as Uint8Array).map((byte, at, all) =>
      at === all.length - 5 ? byte ^ 1 : byte,
    );
    expect(network.deliver('witnesses', altered).kind).toBe('reject');
  });

  it('signs a false success never: a wrong block gets success=false with the computed values', async () => {
    const network = new FakeNetwork();
    const wrong = forge(blocks[0] as ExecutedBlock, { header: { stateRoot: ZERO_HASH } });
    network.serve(wrong);
    const { prover } = await startProver({ network });
    await network.whenPublished(1);
    expect(attestations(network)).toMatchObject([
      { blockNumber: 1, blockHash: wrong.hash, postStateRoot: blocks[0]?.seal.header.stateRoot, success: false },
    ]);
    expect(prover.status().disagreements).toEqual([{ blockNumber: 1, reasons: [expect.stringContaining('stateRoot')] }]);
  });

  it('signs nothing about a block whose witness has a hole, and goes on', async () => {
    const network = new FakeNetwork();
    const [first, ...rest] = blocks as [ExecutedBlock, ...ExecutedBlock[]];
    network.serve(forge(first, { witness: () => ({ nodes: [] }) }), ...rest);
    const { prover, unprovable } = await startProver({ network });
    await network.whenPublished(4);
    expect(attestations(network).map(({ blockNumber, success }) => [blockNumber, success])).toEqual(
      [2, 3, 4, 5].map((n) => [n, true]),
    );
    expect(unprovable).toEqual(['WITNESS_INCOMPLETE']);
    expect(prover.status().unprovable).toEqual([{ blockNumber: 1, code: 'WITNESS_INCOMPLETE' }]);
  });

  it('does not use a false witness of a peer', async () => {
    const network = new FakeNetwork();
    const [first] = blocks as [ExecutedBlock];
    network.serve(first);
    network.witnesses.set(1, Uint8Array.of(1, 2, 3));
    const { prover } = await startProver({ network });
    await expect.poll(() => network.witnessRequests).toBeGreaterThan(3);
    expect(network.published).toEqual([]);
    network.witnesses.set(1, first.witness);
    await network.whenPublished(1);
    expect(prover.status().unprovable).toEqual([]);
  });

  it('goes past blocks whose witnesses peers have dropped', async () => {
    const network = new FakeNetwork();
    network.serve(...blocks);
    for (const number of [1, 2, 3]) network.witnesses.delete(number);
    const { prover } = await startProver({ network, limits: { witnessAttempts: 2 } });
    await network.whenPublished(2);
    expect(attestations(network).map(({ blockNumber }) => blockNumber)).toEqual([4, 5]);
    expect(prover.status().unprovable.map(({ code }) => code)).toEqual(Array(3).fill('NO_PEER_HAS_WITNESS'));
  });

  it('repeats its attestations for those who come late', async () => {
    const network = new FakeNetwork();
    network.serve(blocks[0] as ExecutedBlock);
    await startProver({ network, limits: { republishIntervalMs: 5 } });
    await network.whenPublished(3);
    expect(new Set(network.published.map(({ message }) => Buffer.from(message).toString('hex'))).size).toBe(1);
  });
});

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

describe('a new epoch that gives up a sealed block', () => {
  /** Block 1 as in epoch 1, then other blocks 2 and 3 of epoch 2. */
  async function otherTail(): Promise<{ tail: ExecutedBlock[]; start: EpochStart }> {
    const other = new ExecutedChain({ accounts: 2 });
    const { lastNumber, lastDigest, genesisHash } = (await transferBlock(other, 1n)).seal;
    other.epoch = 2;
    const unsigned = { genesisHash, epoch: 2, lastNumber, lastDigest, sequencerKey: other.sequencer.address };
    const start = withSignature(unsigned, epochStartDigest(unsigned), other.sequencer);
    return { tail: [await transferBlock(other, 98n), await transferBlock(other, 99n)], start };
  }

  it.each([true, false])('is proved again on the new tail (epoch start gossiped: %s)', async (isGossiped) => {
    const network = new FakeNetwork();
    network.serve(...blocks.slice(0, 2));
    await startProver({ network });
    await network.whenPublished(2);
    const { tail, start } = await otherTail();
    const bytes = encodeSequencerMessage({ kind: 'epochStart', epochStart: start });
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
    const other = new ExecutedChain({ accounts: 2 });
    const { lastNumber, lastDigest, genesisHash } = (await transferBlock(other, 1n)).seal;
    other.epoch = 2;
    const unsigned = { genesisHash, epoch: 2, lastNumber, lastDigest, sequencerKey: other.sequencer.address };
    const epochStart = withSignature(unsigned, epochStartDigest(unsigned), other.sequencer);
    network.deliver('mini-blocks', encodeSequencerMessage({ kind: 'epochStart', epochStart }));
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

describe('the end of a prover', () => {
  it('is loud when its host dies', async () => {
    const died = new StrobeError('THREAD_DIED', 'gone');
    const failed = Promise.reject(died);
    failed.catch(() => {});
    const network = new FakeNetwork();
    network.serve(blocks[0] as ExecutedBlock);
    const host = { reexecute: () => new Promise<never>(() => {}), stop: async () => {}, failed };
    const { running } = await startProver({ network, host });
    await expect(running).rejects.toBe(died);
  });

  it('is loud when a block never ends', async () => {
    const network = new FakeNetwork();
    network.serve(blocks[0] as ExecutedBlock);
    const host = { reexecute: () => new Promise<never>(() => {}), stop: async () => {}, failed: new Promise<never>(() => {}) };
    const { running } = await startProver({ network, host, limits: { blockTimeoutMs: 5 } });
    await expect(running).rejects.toMatchObject({ code: 'REEXECUTION_TIMEOUT' });
  });

  it('does not wait for the block in work', async () => {
    const network = new FakeNetwork();
    network.serve(blocks[0] as ExecutedBlock);
    const { promise: called, resolve } = Promise.withResolvers<void>();
    const reexecute = (): Promise<never> => {
      resolve();
      return new Promise(() => {});
    };
    const host = { reexecute, stop: async () => {}, failed: new Promise<never>(() => {}) };
    const { prover, running } = await startProver({ network, host });
    await called;
    await prover.stop();
    await expect(running).resolves.toBeUndefined();
    expect(network.published).toEqual([]);
  });
});

describe('the worker thread', () => {
  it('gives the verdict and the coded errors of the inline host', async () => {
    const rules = chainRules(chain.genesis, chain.identity);
    const thread = startReexecutionThread(rules);
    stops.push(() => thread.stop());
    const { encodedSeal, encodedMiniBlocks, witness } = blocks[0] as ExecutedBlock;
    const job = { seal: encodedSeal, miniBlocks: encodedMiniBlocks, witness, previous: undefined };
    expect(await thread.reexecute(job)).toEqual(await createInlineReexecution(rules).reexecute(job));
    await expect(thread.reexecute({ ...job, witness: Uint8Array.of(1) })).rejects.toMatchObject({
      code: 'WITNESS_DIGEST_MISMATCH',
    });
    // The caller's bytes are still its own.
    expect(witness.length).toBeGreaterThan(0);
    expect(encodedSeal.length).toBeGreaterThan(0);
  });
});
