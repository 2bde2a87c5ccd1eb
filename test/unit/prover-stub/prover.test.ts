import { describe, expect, it } from 'vitest';
import { attestationDigest } from '../../../src/protocol/attestation.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { chainRules } from '../../../src/prover-stub/block-job.ts';
import { createInlineReexecution, startReexecutionThread } from '../../../src/prover-stub/reexecution-host.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import type { ExecutedBlock } from '../../support/executed-chain.ts';
import { chunkMessages, FakeNetwork, miniBlockMessages, sealMessage } from './fake-network.ts';
import { forge } from './forge.ts';
import { attestations, blocks, chain, gossip, signer, startProver, stops } from './prover-scene.ts';

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

  it.each(['witness', 'range', 'heads'] as const)(
    'does not wait for a peer that is silent when it is asked for its %s',
    async (what) => {
      const network = new FakeNetwork();
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      const silence = (): Promise<never> => {
        resolve();
        return new Promise(() => {});
      };
      if (what === 'witness') network.serve(blocks[0] as ExecutedBlock);
      if (what === 'range') network.range = () => ({ [Symbol.asyncIterator]: () => ({ next: silence }) });
      else network[what] = silence;
      network.witnesses.clear();
      const { prover, running } = await startProver({ network });
      await asked;
      await prover.stop();
      await expect(running).resolves.toBeUndefined();
    },
  );
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
