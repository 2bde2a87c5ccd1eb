import secp256k1 from 'secp256k1';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { MAX_GOSSIP_BYTES } from '../../../src/protocol/limits.ts';
import { decodeWitnessChunk, encodeWitnessChunk } from '../../../src/protocol/sequencer-messages.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { testAccount, testSigner } from '../../support/test-accounts.ts';
import { waitFor } from '../../support/wait-for.ts';

const stranger = testSigner('stranger');
const OTHER_CHAIN = new Uint8Array(32).fill(9);

let chain: ReplicaFixture;
let replica: ReplicaHarness;
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
});
afterEach(() => replica.stop());

/** Verdict on one message of the sequencer, as a short string. */
function verdictOn(bytes: Uint8Array): string {
  const [verdict] = replica.deliver(bytes);
  return verdict?.kind === 'accept' ? 'accept' : `${verdict?.kind} ${verdict?.code}`;
}

describe('REJECT: bad signature, unknown signer, oversized, malformed, wrong chain', () => {
  test('a diff signed by a wrong key is refused and changes nothing', async () => {
    const { miniBlock, record } = chain.miniBlock();
    expect(verdictOn(chain.resign(miniBlock, {}, {}, stranger))).toBe('reject UNKNOWN_SIGNER');
    const broken = record.bytes.slice();
    const signatureAt = Buffer.from(broken).indexOf(Buffer.from(miniBlock.envelope.signature));
    broken[signatureAt + 64] = 5;
    expect(verdictOn(broken)).toBe('reject INVALID_SIGNATURE');
    expect(replica.node.status().miniBlock).toBe(0);
    expect(replica.node.status().waiting).toBe(0);
    // The genuine one still counts.
    replica.deliver(...chain.records);
    await replica.miniBlockIs(1);
  });

  test('other messages of a wrong key', () => {
    const block = chain.block();
    expect(verdictOn(chain.heartbeat({}, stranger))).toBe('reject UNKNOWN_SIGNER');
    expect(verdictOn(chain.resignSeal(block.seal, {}, stranger).bytes)).toBe('reject UNKNOWN_SIGNER');
    const chunk = decodeWitnessChunk(block.witnessChunks[0] as Uint8Array);
    expect(replica.chunks(encodeWitnessChunk({ ...chunk, signature: stranger.sign(block.hash) }))).toMatchObject([
      { kind: 'reject' },
    ]);
    const attestation = chain.attestation(block, 0);
    const forged = encodeAttestation({ ...attestation, signature: stranger.sign(block.hash) });
    expect(replica.attest(forged)).toEqual([{ kind: 'reject', code: 'UNKNOWN_SIGNER' }]);
  });

  test('what cannot be decoded or is too large', () => {
    const { record } = chain.miniBlock();
    expect(verdictOn(record.bytes.subarray(0, 100))).toBe('reject INVALID_RLP');
    expect(verdictOn(Uint8Array.of(9, 1, 2))).toBe('reject UNKNOWN_MESSAGE');
    expect(verdictOn(new Uint8Array())).toBe('reject UNKNOWN_MESSAGE');
    expect(verdictOn(new Uint8Array(MAX_GOSSIP_BYTES + 1).fill(1))).toBe('reject OVERSIZED');
    expect(replica.attest(Uint8Array.of(0xc0))).toEqual([{ kind: 'reject', code: 'INVALID_RLP' }]);
    expect(replica.chunks(Uint8Array.of(0x80))).toEqual([{ kind: 'reject', code: 'INVALID_RLP' }]);
  });

  test('an attestation record is refused on the topic of mini-blocks', () => {
    const block = chain.block();
    chain.attest(block);
    expect(verdictOn(chain.records.at(-1) as Uint8Array)).toBe('reject UNKNOWN_MESSAGE');
  });

  test('messages of another chain', () => {
    const { miniBlock } = chain.miniBlock();
    expect(verdictOn(chain.resign(miniBlock, { genesisHash: OTHER_CHAIN }))).toBe('reject WRONG_CHAIN');
    expect(verdictOn(chain.resign(miniBlock, { chainId: 1 }))).toBe('reject WRONG_CHAIN');
    expect(verdictOn(chain.heartbeat({ genesisHash: OTHER_CHAIN }))).toBe('reject WRONG_CHAIN');
  });
});

describe('IGNORE: known, old, early beyond the window, clock skew', () => {
  test('known and old messages', async () => {
    chain.block();
    const heartbeat = chain.heartbeat();
    replica.deliver(...chain.records, heartbeat);
    await replica.blockIs(1);
    for (const record of chain.records.slice(1)) expect(verdictOn(record)).toBe('ignore KNOWN');
    expect(verdictOn(chain.records[0] as Uint8Array)).toBe('ignore KNOWN');
    expect(verdictOn(heartbeat)).toBe('ignore OLD');
    // A node that restarted remembers no digests: what lies below its head is just old.
    replica = await replica.restart();
    expect(verdictOn(chain.miniBlocks[0] as Uint8Array)).toBe('ignore OLD');
  });

  test('a second signature over the same digest is known and no equivocation', async () => {
    const { miniBlock, record } = chain.miniBlock();
    replica.deliver(...chain.records);
    await replica.miniBlockIs(1);
    const { privateKey } = testAccount('sequencer');
    const signer = {
      address: chain.sequencer.address,
      sign: (digest: Uint8Array): Uint8Array => {
        const { signature, recid } = secp256k1.ecdsaSign(digest, privateKey, { data: new Uint8Array(32).fill(1) });
        return Uint8Array.of(...signature, recid);
      },
    };
    const again = chain.resign(miniBlock, {}, {}, signer);
    expect(again).not.toEqual(record.bytes);
    expect(verdictOn(again)).toBe('ignore KNOWN');
    expect(replica.node.equivocations()).toEqual([]);
    expect(replica.node.status().state).toBe('live');
  });

  test('what is too far ahead of the head, which still shows as lag', async () => {
    await replica.stop();
    replica = await ReplicaHarness.start(chain, { reorderBufferMax: 4, blockWindow: 2 });
    for (let i = 0; i < 6; i++) chain.miniBlock();
    expect(verdictOn(chain.miniBlocks[3] as Uint8Array)).toBe('accept');
    expect(verdictOn(chain.miniBlocks[4] as Uint8Array)).toBe('ignore TOO_EARLY');
    expect(replica.node.status().lag).toBe(5);
    const block = chain.seal();
    const { bytes } = chain.resignSeal(block.seal, { header: { number: 3 } });
    expect(verdictOn(bytes)).toBe('ignore TOO_EARLY');
    const early = encodeAttestation(chain.attestation(block, 0, { blockNumber: 3 }));
    expect(replica.attest(early)).toEqual([{ kind: 'ignore', code: 'TOO_EARLY' }]);
  });

  test('a clock more than 5 s ahead is counted, and the message may come again', () => {
    const { miniBlock } = chain.miniBlock();
    const ahead = chain.resign(miniBlock, { timestampUs: chain.nowUs() + 6_000_000 });
    expect(verdictOn(ahead)).toBe('ignore CLOCK_AHEAD');
    expect(verdictOn(ahead)).toBe('ignore CLOCK_AHEAD');
    expect(verdictOn(chain.resign(miniBlock, { timestampUs: chain.nowUs() + 4_000_000 }))).toBe('accept');
    expect(verdictOn(chain.heartbeat({ timestampUs: chain.nowUs() + 6_000_000 }))).toBe('ignore CLOCK_AHEAD');
  });
});

test('verdicts are counted by topic and reason', async () => {
  verdictOn(Uint8Array.of(9));
  chain.miniBlock();
  replica.deliver(...chain.records);
  await waitFor(() => replica.node.status().miniBlock === 1);
  const { body } = await replica.metrics.expose();
  expect(body).toContain('strobe_replica_gossip_verdicts_total{topic="mini-blocks",verdict="reject",reason="UNKNOWN_MESSAGE"} 1');
  expect(body).toContain('strobe_replica_gossip_verdicts_total{topic="mini-blocks",verdict="accept",reason=""} 2');
});
