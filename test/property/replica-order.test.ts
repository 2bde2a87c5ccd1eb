import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAttestationRecord } from '../../src/protocol/attestation-record.ts';
import type { Topic } from '../../src/protocol/ports/network.ts';
import { ReplicaFixture } from '../support/replica-fixture.ts';
import { ReplicaHarness } from '../support/replica-harness.ts';
import { waitFor } from '../support/wait-for.ts';

interface Delivery {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
}

/** A chain whose second epoch undoes a part of what the first one published, the latter's tail, and all messages. */
function buildMessages(): { chain: ReplicaFixture; deliveries: Delivery[] } {
  const lost = new ReplicaFixture();
  lost.block(2);
  lost.block(2);
  lost.miniBlock();
  const chain = new ReplicaFixture();
  chain.attest(chain.block(2));
  chain.miniBlock();
  chain.startEpoch();
  chain.miniBlock(2, 3n);
  chain.attest(chain.seal());
  chain.attest(chain.block(3));
  const deliveries: Delivery[] = [...lost.records, ...chain.records].map((bytes) => {
    if (isAttestationRecord(bytes)) return { topic: 'attestations', bytes: bytes.subarray(1) };
    return { topic: bytes[0] === 3 ? 'seals' : 'mini-blocks', bytes };
  });
  for (const { witnessChunks } of chain.blocks) for (const bytes of witnessChunks) deliveries.push({ topic: 'witnesses', bytes });
  return { chain, deliveries };
}

const { chain, deliveries } = buildMessages();

test('any order of the same messages, repeated or lost, ends in the same chain', async () => {
  const step = fc.record({ index: fc.nat(deliveries.length - 1), pause: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const replica = await ReplicaHarness.start(chain);
      try {
        for (const { index, pause } of steps) {
          const { topic, bytes } = deliveries[index] as Delivery;
          replica.gossip.deliver(topic, bytes);
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
        // What was lost comes from a peer, as it does in the end.
        replica.peers.records = chain.records;
        for (const { seal, witness } of chain.blocks) replica.peers.witnesses.set(seal.header.number, witness);
        replica.deliver(chain.heartbeat());
        await waitFor(() => replica.store.safeNumber() === 3 || replica.node.status().state === 'halted');
        await waitFor(() => replica.node.status().state !== 'catchingUp');
        expect(replica.node.status()).toMatchObject({ state: 'live', epoch: 3, miniBlock: 7, block: 3, excludedProvers: [] });
        expect(replica.store.head().hash).toEqual(chain.blocks[2]?.hash);
        expect(replica.log.entries.filter(({ bytes }) => bytes[0] === 1).map(({ bytes }) => bytes)).toEqual(chain.miniBlocks);
        for (const { address } of chain.builder.accounts)
          expect(replica.state.getAccount(address)).toEqual(chain.builder.state.getAccount(address));
      } finally {
        await replica.stop();
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
}, 60_000);
