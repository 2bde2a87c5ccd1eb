import { expect, test } from 'vitest';
import { isSealedWitness, WitnessAssembler } from '../../../src/fullnode/witness-assembler.ts';
import { splitWitness, witnessChunkDigest, witnessDigest } from '../../../src/protocol/sequencer-messages.ts';
import type { AuthenticChunk } from '../../../src/protocol/validate-witness-chunk.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';

const chain = new ReplicaFixture();
const block = chain.block();

/** Chunks of `witness` as if it were that of the block with this number and hash. */
function chunksOf(witness: Uint8Array, blockNumber: number, blockHash: Uint8Array): AuthenticChunk[] {
  const chunkHashes = splitWitness(witness).map(keccak256);
  const list = { genesisHash: chain.identity.genesisHash, blockNumber, blockHash, chunkHashes };
  const listDigest = witnessChunkDigest(list);
  return splitWitness(witness).map((data, index) => ({
    chunk: { ...list, index, data, signature: new Uint8Array(65) },
    listDigest,
  }));
}

test('chunks in any order make the witness that the seal commits to', () => {
  const witness = new Uint8Array(600_000).map((_, i) => i % 251);
  const chunks = chunksOf(witness, 1, block.hash);
  const digest = witnessDigest(chunks[0]?.chunk.chunkHashes ?? []);
  const { seal } = chain.resignSeal(block.seal, { witnessDigest: digest, witnessBytes: witness.length });
  const assembler = new WitnessAssembler({ maxBytes: 1_000_000 });
  for (const chunk of [...chunks].reverse()) {
    expect(assembler.complete(seal)).toBeUndefined();
    assembler.add(chunk);
    assembler.add(chunk);
  }
  expect(assembler.complete(seal)).toEqual(witness);
  expect(isSealedWitness(witness, seal)).toBe(true);
  expect(isSealedWitness(witness.subarray(1), seal)).toBe(false);
  // Another seal of the block does not commit to it.
  expect(assembler.complete(chain.resignSeal(seal, { witnessDigest: new Uint8Array(32) }).seal)).toBeUndefined();
  assembler.releaseUpTo(1);
  expect(assembler.complete(seal)).toBeUndefined();
});

test('when the room is used up, the witness of the highest block goes', () => {
  const assembler = new WitnessAssembler({ maxBytes: 250 });
  const chunks = [1, 2, 3].flatMap((number) =>
    chunksOf(new Uint8Array(100).fill(number), number, new Uint8Array(32).fill(number)),
  );
  expect(chunks.map((chunk) => assembler.add(chunk))).toEqual([0, 0, 1]);
  expect(chunks.map(({ chunk }) => assembler.has(chunk))).toEqual([true, true, false]);
});
