import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import type { Address } from '../../../src/protocol/primitives.ts';
import { type ResumeOrder, resumeOrderDigest } from '../../../src/protocol/resume-order.ts';
import { bytesEqual, fromHex, type Hex, toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { type FixtureBlock, ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';

const SOME_HASH = new Uint8Array(32).fill(9);

let chain: ReplicaFixture;
let replica: ReplicaHarness;
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
});
afterEach(() => replica.stop());

/** Halts at genesis, with a wrong mini-block 1 of this time. */
async function haltOnMiniBlock(): Promise<void> {
  const twin = new ReplicaFixture();
  const { miniBlock } = twin.miniBlock();
  replica.deliver(defined(twin.records[0]), twin.resign(miniBlock, { parentDigest: SOME_HASH }));
  expect(await replica.halted()).toBe('WRONG_PARENT');
}

function orderFor(haltDigest: Hex | null, reinstated: readonly Address[] = []): ResumeOrder {
  const unsigned = { genesisHash: chain.identity.genesisHash, haltDigest: fromHex(haltDigest ?? '0x'), reinstated };
  return { ...unsigned, signature: testSigner('operator').sign(resumeOrderDigest(unsigned)) };
}

test('with the order for its halt the node goes on, and the evidence stays', async () => {
  await haltOnMiniBlock();
  replica = await replica.restart({ resume: orderFor(replica.node.status().haltDigest) });
  expect(replica.node.status()).toMatchObject({ haltDigest: null, miniBlock: 0 });
  expect(replica.evidence.list()).toMatchObject([{ rule: 'WRONG_PARENT' }]);
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  await waitFor(() => replica.node.status().state === 'live');
  expect(replica.node.ready()).toEqual({ isReady: true, reason: undefined });
  // The next start needs no order.
  replica = await replica.restart();
  expect(replica.node.status().state).not.toBe('halted');
});

test('an order lifts one halt and not the next, even of the same kind', async () => {
  await haltOnMiniBlock();
  const order = orderFor(replica.node.status().haltDigest);
  replica = await replica.restart({ resume: order });
  chain.block();
  replica.clock.us += 1;
  await haltOnMiniBlock();
  const second = replica.node.status().haltDigest;
  expect(second).not.toBe(toHex(order.haltDigest));
  await expect(replica.restart({ resume: order })).rejects.toMatchObject({ code: 'RESUME_OF_ANOTHER_HALT' });
  replica = await replica.restart({ resume: orderFor(second) });
  expect(replica.node.status().haltDigest).toBeNull();
});

test('an order beside no halt changes nothing', async () => {
  replica = await replica.restart({ resume: orderFor(toHex(SOME_HASH)) });
  chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
});

test('provers that were excluded for the halt count again when the order says so', async () => {
  const block: FixtureBlock = chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  const other = { postStateRoot: SOME_HASH, success: false };
  replica.attest(...[0, 1].map((prover) => encodeAttestation(chain.attestation(block, prover, other))));
  expect(await replica.halted()).toBe('PROVERS_DISAGREE');
  const [first, second] = chain.provers.map(({ address }) => address) as [Address, Address];
  expect(replica.evidence.excludedProvers()).toEqual([first, second]);
  replica = await replica.restart({ resume: orderFor(replica.node.status().haltDigest, [first]) });
  expect(replica.node.isExcludedProver(first)).toBe(false);
  expect(replica.node.isExcludedProver(second)).toBe(true);
  replica = await replica.restart();
  expect(replica.evidence.excludedProvers().some((prover) => bytesEqual(prover, first))).toBe(false);
});
