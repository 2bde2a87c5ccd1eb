import { beforeAll, describe, expect, it } from 'vitest';
import { decodeWitnessChunk, type WitnessChunk, witnessChunkDigest } from '../../../src/protocol/sequencer-messages.ts';
import type { AuthenticChunk } from '../../../src/protocol/validate-witness-chunk.ts';
import { WitnessBuffer } from '../../../src/prover-stub/witness-buffer.ts';
import { type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import { chunkMessages } from './fake-network.ts';
import { forge } from './forge.ts';

let near: ExecutedBlock;
let far: ExecutedBlock;
beforeAll(async () => {
  const chain = new ExecutedChain({ accounts: 1 });
  // Two chunks: the witness is padded with codes that nobody reads.
  near = forge(await chain.block([]), { witness: () => ({ codes: [new Uint8Array(300_000).fill(7)] }) });
  far = await chain.block([]);
});

function chunksOf(block: ExecutedBlock): AuthenticChunk[] {
  return chunkMessages(block).map((message) => {
    const chunk: WitnessChunk = decodeWitnessChunk(message);
    return { chunk, listDigest: witnessChunkDigest(chunk) };
  });
}

describe('WitnessBuffer', () => {
  it('joins the chunks of a witness, in whatever order they come', () => {
    const buffer = new WitnessBuffer(1_000_000);
    const [first, second] = chunksOf(near) as [AuthenticChunk, AuthenticChunk];
    buffer.add(second);
    expect(buffer.get(near.seal)).toBeUndefined();
    expect(buffer.has(second.chunk)).toBe(true);
    expect(buffer.has(first.chunk)).toBe(false);
    expect(buffer.hasList(first.listDigest)).toBe(true);
    buffer.add(first);
    expect(buffer.get(near.seal)).toEqual(near.witness);
    buffer.release(1);
    expect(buffer.isComplete(near.seal)).toBe(false);
  });

  it('does not give a witness that the seal does not commit to', () => {
    const buffer = new WitnessBuffer(1_000_000);
    for (const chunk of chunksOf(far)) buffer.add(chunk);
    const other = forge(far, { witness: () => ({ codes: [Uint8Array.of(1)] }) });
    expect(other.hash).toEqual(far.hash);
    expect(buffer.isComplete(other.seal)).toBe(false);
  });

  it('drops the farthest block when it is full', () => {
    const buffer = new WitnessBuffer(near.witness.length + 10);
    for (const chunk of [...chunksOf(far), ...chunksOf(near)]) buffer.add(chunk);
    expect(buffer.isComplete(far.seal)).toBe(false);
    expect(buffer.isComplete(near.seal)).toBe(true);
  });
});
