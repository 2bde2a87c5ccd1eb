import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let chain: ReplicaFixture;
let replica: ReplicaHarness;
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
});
afterEach(() => replica.stop());

async function outcomes(outcome: string): Promise<string | undefined> {
  const { body } = await replica.metrics.expose();
  return new RegExp(`attestations_total{outcome="${outcome}"} (\\d+)`).exec(body)?.[1];
}

test('attestations that gossip lost are fetched, block after block', async () => {
  for (let i = 0; i < 4; i++) chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(4);
  for (const block of chain.blocks) replica.chunks(...block.witnessChunks);
  await waitFor(() => replica.node.status().rootVerifiedBlock === 4);
  for (const block of chain.blocks) chain.attest(block);
  replica.peers.records = chain.records;
  await replica.safeIs(4);
});

test('an attestation of another block with that number waits and excludes nobody', async () => {
  const block = chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  const other = { blockHash: new Uint8Array(32).fill(4) };
  replica.attest(encodeAttestation(chain.attestation(block, 0, other)), encodeAttestation(chain.attestation(block, 1, other)));
  await waitFor(async () => (await outcomes('waiting')) === '2');
  expect(replica.node.status()).toMatchObject({ state: 'live', excludedProvers: [] });
});

test('unknown kinds of proof and attestations of old blocks are ignored', async () => {
  await replica.stop();
  replica = await ReplicaHarness.start(chain, { blockWindow: 1 });
  for (let i = 0; i < 4; i++) chain.block();
  for (const block of chain.blocks) replica.peers.witnesses.set(block.seal.header.number, block.witness);
  for (const block of chain.blocks) chain.attest(block);
  replica.peers.records = chain.records;
  await replica.safeIs(4);
  const [old, , , recent] = chain.blocks as [(typeof chain.blocks)[0], unknown, unknown, (typeof chain.blocks)[0]];
  expect(replica.attest(encodeAttestation(chain.attestation(old, 2)))).toEqual([{ kind: 'ignore', code: 'OLD' }]);
  const unknownKind = encodeAttestation(chain.attestation(recent, 2, { proofType: 9 }));
  expect(replica.attest(unknownKind)).toEqual([{ kind: 'ignore', code: 'UNKNOWN_PROOF_TYPE' }]);
  // One more prover for a safe block is still welcome.
  expect(replica.attest(encodeAttestation(chain.attestation(recent, 2)))).toEqual([{ kind: 'accept' }]);
  await waitFor(async () => (await replica.store.blockStatus(4))?.attestedBy.length === 3);
});

test('a witness that proves nothing leaves the block unproven and the node running', async () => {
  await replica.stop();
  let attempts = 0;
  const verifyWitness = (): void => {
    attempts++;
    throw new StrobeError('MISSING_TRIE_NODE', 'a node is missing');
  };
  replica = await ReplicaHarness.start(chain, { verifyWitness });
  const block = chain.block();
  replica.deliver(...chain.records);
  replica.chunks(...block.witnessChunks);
  replica.attest(...chain.attest(block));
  await waitFor(() => attempts > 2);
  expect(replica.node.status()).toMatchObject({ state: 'live', block: 1, safeBlock: null });
});
