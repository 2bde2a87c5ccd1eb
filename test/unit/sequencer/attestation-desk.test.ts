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

test('a result that starts from another state does not count', async () => {
  const chain = new ReplicaFixture();
  const { desk, store, codes } = await deskOf(chain);
  const [first, second] = chain.blocks as [(typeof chain.blocks)[0], (typeof chain.blocks)[0]];
  await desk.takeKept(chain.attest(first));
  const otherStart = { preStateRoot: new Uint8Array(32).fill(7) };
  await desk.takeKept([0, 1].map((prover) => encodeAttestation(chain.attestation(second, prover, otherStart))));
  expect(store.safeNumber()).toBe(1);
  expect(codes.filter((code) => code === 'DISAGREES')).toHaveLength(2);
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
  expect(desk.receive(encodeAttestation(chain.attestation(first, 2)))).toEqual({ kind: 'ignore', code: 'OLD' });
  const early = encodeAttestation(chain.attestation(second, 1, { blockNumber: 9 }));
  expect(desk.receive(early)).toEqual({ kind: 'ignore', code: 'TOO_EARLY' });
  const altered = encodeAttestation({ ...signed, success: false });
  expect(desk.receive(altered)).toEqual({ kind: 'reject', code: 'UNKNOWN_SIGNER' });
});
