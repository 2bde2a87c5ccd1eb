import { expect, onTestFinished, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { AttestationDesk } from '../../../src/sequencer/attestation-desk.ts';
import { addBlocks, openTestStore } from '../../support/chain-store-kit.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';

/** A sequencer's store with three blocks of `chain`, and its desk. */
async function deskOf(chain: ReplicaFixture) {
  for (let i = 0; i < 3; i++) chain.block(1);
  const store = await openTestStore(chain.builder);
  onTestFinished(() => store.close());
  await addBlocks(store, chain.builder.blocks);
  const codes: string[] = [];
  const desk = new AttestationDesk(chain, {
    chain: store,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: { recordAttestation: (code) => codes.push(code) },
  });
  return { desk, store, codes };
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
