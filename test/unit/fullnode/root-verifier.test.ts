import { expect, onTestFinished, test } from 'vitest';
import { RootVerifier, type RootVerifierModules } from '../../../src/fullnode/root-verifier.ts';
import type { SealedBlock } from '../../../src/fullnode/sealed-blocks.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { type FixtureBlock, ReplicaFixture } from '../../support/replica-fixture.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A verifier of a chain of one block, which a test may exchange, whose witnesses are right. */
function verifierOf(first: FixtureBlock) {
  const scene = {
    current: first,
    verified: [] as string[],
    released: [] as string[],
    kept: Promise.withResolvers<void>(),
    isKeeping: false,
    verifiedRoots: new Set<string>(),
  };
  const sealed = ({ seal, hash, preStateRoot }: FixtureBlock): SealedBlock => ({ seal, hash, preStateRoot });
  const modules = {
    chain: {
      head: () => ({ header: scene.current.seal.header }),
      safeNumber: () => undefined,
      blockStatus: async () => ({ rootVerified: scene.verifiedRoots.has(toHex(scene.current.hash)) }),
    },
    sealedBlocks: { get: async () => sealed(scene.current) },
    blockDiffs: { get: async () => new Uint8Array(), release: () => scene.released.push(toHex(scene.current.hash)) },
    witnesses: { complete: () => scene.current.witness, releaseUpTo: () => {} },
    keepWitness: async () => {
      scene.isKeeping = true;
      await scene.kept.promise;
    },
    peers: {},
    verifyWitness: () => {},
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: { recordRootVerified: () => {} },
    onVerified: async ({ hash }: SealedBlock) => {
      scene.verified.push(toHex(hash));
      scene.verifiedRoots.add(toHex(hash));
      return true;
    },
    onWrongRoot: async () => true,
  } as unknown as RootVerifierModules;
  const verifier = new RootVerifier({ witnessGraceMs: 1, backoffMinMs: 1, backoffMaxMs: 1 }, modules);
  const stop = new AbortController();
  const running = verifier.run(stop.signal);
  onTestFinished(async () => {
    scene.kept.resolve();
    stop.abort();
    await running;
  });
  return { scene, verifier };
}

test('a block that is undone while its witness is written is not taken for the one that comes instead', async () => {
  const chain = new ReplicaFixture();
  chain.block(1);
  const other = new ReplicaFixture();
  other.block(2);
  const [first, second] = [defined(chain.blocks[0]), defined(other.blocks[0])];
  const { scene, verifier } = verifierOf(first);
  await waitFor(() => scene.isKeeping);
  scene.current = second;
  verifier.resetTo(0);
  scene.kept.resolve();
  await waitFor(() => verifier.verifiedThrough() === 1);
  expect(scene.verified).toEqual([toHex(first.hash), toHex(second.hash)]);
  // What is needed to prove the second one was not thrown away with the first.
  expect(scene.released).toEqual([toHex(second.hash)]);
});
