import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { AttestationDesk } from '../../../src/sequencer/attestation-desk.ts';
import { ProverExclusions } from '../../../src/sequencer/prover-exclusions.ts';
import { addBlocks, openTestStore } from '../../support/chain-store-kit.ts';
import { type FixtureBlock, ReplicaFixture } from '../../support/replica-fixture.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

/** A sequencer's store with three blocks of `chain`, and its desk. */
async function deskOf(chain: ReplicaFixture, threshold = 2) {
  for (let i = 0; i < 3; i++) chain.block(1);
  const store = await openTestStore(chain.builder);
  onTestFinished(() => store.close());
  await addBlocks(store, chain.builder.blocks);
  const codes: string[] = [];
  const path = join(tempDirectory(), 'excluded-provers.json');
  /** As a start does it. */
  const open = async () => {
    const { identity, genesis } = chain;
    const exclusions = await ProverExclusions.open(path);
    const desk = new AttestationDesk(
      { identity, genesis: { ...genesis, threshold } },
      {
        chain: store,
        logger: { debug() {}, info() {}, warn() {}, error() {} },
        metrics: { recordAttestation: (code) => codes.push(code) },
        exclusions,
      },
    );
    return { desk, exclusions };
  };
  return { ...(await open()), reopen: open, store, codes };
}

test('attestations that peers kept move safe as far as every block has enough', async () => {
  const chain = new ReplicaFixture();
  const { desk, store } = await deskOf(chain);
  const [first, second, third] = chain.blocks.map((block) => chain.attest(block)) as [Uint8Array[], Uint8Array[], Uint8Array[]];
  await desk.takeKept([...third, ...first]);
  expect(store.safeNumber()).toBe(1);
  await desk.takeKept(second);
  expect(store.safeNumber()).toBe(3);
  expect(await store.blockStatus(3)).toMatchObject({ rootVerified: true });
});

test('what is no good is passed over, and the rest is taken', async () => {
  const chain = new ReplicaFixture();
  const { desk, store, codes } = await deskOf(chain);
  const block = chain.blocks[0] as (typeof chain.blocks)[number];
  const lies = encodeAttestation(chain.attestation(block, 2, { success: false }));
  await desk.takeKept([Uint8Array.of(1), lies, ...chain.attest(block)]);
  expect(store.safeNumber()).toBe(1);
  expect(codes).toContain('DISAGREES');
});

test('a result that starts from another state does not count', async () => {
  const chain = new ReplicaFixture();
  const { desk, store, codes } = await deskOf(chain);
  const [first, second] = chain.blocks as [(typeof chain.blocks)[0], (typeof chain.blocks)[0]];
  await desk.takeKept(chain.attest(first));
  const otherStart = { preStateRoot: new Uint8Array(32).fill(7) };
  await desk.takeKept([encodeAttestation(chain.attestation(second, 0, otherStart))]);
  await desk.takeKept([encodeAttestation(chain.attestation(second, 1))]);
  expect(store.safeNumber()).toBe(1);
  expect(codes.filter((code) => code === 'DISAGREES')).toHaveLength(1);
});

test('what is late, early or said again is ignored, and what nobody may sign is rejected', async () => {
  const chain = new ReplicaFixture();
  const { desk, store } = await deskOf(chain);
  const [first, second] = chain.blocks as [(typeof chain.blocks)[0], (typeof chain.blocks)[0]];
  await desk.takeKept(chain.attest(first));
  expect(store.safeNumber()).toBe(1);
  const signed = chain.attestation(second, 0);
  const bytes = encodeAttestation(signed);
  expect(desk.receive(bytes)).toEqual({ kind: 'accept' });
  expect(desk.receive(bytes)).toEqual({ kind: 'ignore', code: 'KNOWN' });
  const old = encodeAttestation(chain.attestation(first, 2, { blockNumber: 0 }));
  expect(desk.receive(old)).toEqual({ kind: 'ignore', code: 'OLD' });
  const early = encodeAttestation(chain.attestation(second, 1, { blockNumber: 9 }));
  expect(desk.receive(early)).toEqual({ kind: 'ignore', code: 'TOO_EARLY' });
  const altered = encodeAttestation({ ...signed, success: false });
  expect(desk.receive(altered)).toEqual({ kind: 'reject', code: 'UNKNOWN_SIGNER' });
});

const OTHER_ROOT = { postStateRoot: new Uint8Array(32).fill(7) };

test('a prover that contradicts a block counts no more, with its statement kept, also after a restart', async () => {
  const chain = new ReplicaFixture();
  const { desk, exclusions, reopen, store } = await deskOf(chain);
  const [first, second] = chain.blocks as [FixtureBlock, FixtureBlock];
  const lie = encodeAttestation(chain.attestation(second, 0, OTHER_ROOT));
  await desk.takeKept([lie, ...chain.attest(first)]);
  expect(exclusions.list()).toMatchObject([{ prover: chain.provers[0]?.address, blockNumber: 2, attestation: lie }]);
  expect(store.safeNumber() ?? 0).toBe(0);

  const { desk: restarted, exclusions: kept } = await reopen();
  expect(kept.list()).toEqual(exclusions.list());
  await restarted.assertUncontested();
  const word = encodeAttestation(chain.attestation(first, 0));
  expect(restarted.receive(word)).toEqual({ kind: 'ignore', code: 'EXCLUDED_PROVER' });
  await restarted.takeKept([1, 2].map((prover) => encodeAttestation(chain.attestation(first, prover))));
  expect(store.safeNumber()).toBe(1);
});

test('a word about another block of that number, of an epoch that was given up, excludes nobody', async () => {
  const chain = new ReplicaFixture();
  const { desk, exclusions, codes } = await deskOf(chain);
  const [first] = chain.blocks as [FixtureBlock];
  await desk.takeKept([encodeAttestation(chain.attestation(first, 0, { blockHash: new Uint8Array(32).fill(9) }))]);
  expect(codes).toContain('DISAGREES');
  expect(exclusions.list()).toEqual([]);
});

test('what a prover said of a block that was given up, sent again, takes nothing away from what it says of ours', async () => {
  const chain = new ReplicaFixture();
  const { desk, reopen, store } = await deskOf(chain);
  const [first] = chain.blocks as [FixtureBlock];
  await desk.takeKept(chain.attest(first));
  const { desk: restarted } = await reopen();
  await restarted.takeKept([encodeAttestation(chain.attestation(first, 0, { blockHash: new Uint8Array(32).fill(9) }))]);
  expect((await store.blockStatus(1))?.attestedBy).toHaveLength(2);
  expect((await store.attestations(1)).map(({ blockHash }) => blockHash)).toEqual([first.hash, first.hash]);
});

test.each([
  { when: 'nobody has ours', agreeing: [], against: [0, 1], code: 'PROVERS_DISAGREE', threshold: 2 },
  { when: 'as many have ours', agreeing: [1], against: [0], code: 'CONFLICTING_RESULTS', threshold: 1 },
])('enough provers with one other result end the sequencer for good ($when)', async ({ agreeing, against, code, threshold }) => {
  const chain = new ReplicaFixture();
  const { desk, reopen } = await deskOf(chain, threshold);
  const [first] = chain.blocks as [FixtureBlock];
  await desk.takeKept(agreeing.map((prover) => encodeAttestation(chain.attestation(first, prover))));
  const lies = against.map((prover) => encodeAttestation(chain.attestation(first, prover, OTHER_ROOT)));
  await expect(desk.takeKept(lies)).rejects.toMatchObject({ code });
  const { desk: restarted } = await reopen();
  await expect(restarted.assertUncontested()).rejects.toMatchObject({ code });
});

test.each([
  { what: 'two provers with two other results', threshold: 2, against: [OTHER_ROOT, { success: false }] },
  { what: 'the one prover that is needed', threshold: 1, against: [OTHER_ROOT] },
])('$what only wait: nothing is proven, and nothing is safe', async ({ threshold, against }) => {
  const chain = new ReplicaFixture();
  const { desk, exclusions, store } = await deskOf(chain, threshold);
  const [first] = chain.blocks as [FixtureBlock];
  await desk.takeKept(against.map((changes, prover) => encodeAttestation(chain.attestation(first, prover, changes))));
  expect(exclusions.list()).toHaveLength(against.length);
  expect(store.safeNumber() ?? 0).toBe(0);
});
