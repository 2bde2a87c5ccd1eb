import { beforeAll, describe, expect, it } from 'vitest';
import type { MiniBlock } from '../../../src/protocol/mini-block.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { BlockAssembler } from '../../../src/prover-stub/block-assembler.ts';
import { type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import { forge } from './forge.ts';

let first: ExecutedBlock;
let second: ExecutedBlock;
beforeAll(async () => {
  const chain = new ExecutedChain({ accounts: 1 });
  first = await chain.block([], [], []);
  second = await chain.block([], []);
});

const LIMITS = { maxMiniBlocks: 100, maxMiniBlockBytes: 1_000_000, blockWindow: 10 };

function add(assembler: BlockAssembler, block: ExecutedBlock, at: number): boolean {
  return assembler.addMiniBlock(block.miniBlocks[at] as MiniBlock, block.encodedMiniBlocks[at] as Uint8Array);
}

describe('BlockAssembler', () => {
  it('puts a block together once all of it is here, in order', () => {
    const assembler = new BlockAssembler(LIMITS);
    for (const at of [2, 0, 1]) add(assembler, first, at);
    expect(assembler.next()).toBeUndefined();
    assembler.addSeal(first.seal, first.encodedSeal);
    expect(assembler.next()).toMatchObject({ seal: first.seal, miniBlocks: first.encodedMiniBlocks });
    assembler.moveTo({ blockNumber: 1, lastNumber: 3 });
    expect(assembler.next()).toBeUndefined();
    for (const at of [0, 1]) add(assembler, second, at);
    assembler.addSeal(second.seal, second.encodedSeal);
    expect(assembler.next()?.parentDigest).toEqual(first.seal.lastDigest);
  });

  it('is behind when a gap, a seal, a later block or a heartbeat says so', () => {
    const gap = new BlockAssembler(LIMITS);
    expect(gap.isBehind()).toBe(false);
    add(gap, first, 0);
    expect(gap.isBehind()).toBe(false);
    add(gap, first, 2);
    expect(gap.isBehind()).toBe(true);
    add(gap, first, 1);
    expect(gap.isBehind()).toBe(false);
    add(gap, second, 0);
    // Block 2 has begun, so a seal of block 1 exists.
    expect(gap.isBehind()).toBe(true);
    gap.addSeal(first.seal, first.encodedSeal);
    expect(gap.isBehind()).toBe(false);
    const beat = new BlockAssembler(LIMITS);
    beat.noteHead(1);
    expect(beat.isBehind()).toBe(true);
  });

  it('throws out a mini-block that the seal does not commit to', () => {
    const assembler = new BlockAssembler(LIMITS);
    const other = forge(first, { envelopes: new Map([[1, { receiptsDigest: ZERO_HASH }]]) });
    for (const at of [0, 2]) add(assembler, first, at);
    add(assembler, other, 1);
    assembler.addSeal(first.seal, first.encodedSeal);
    expect(assembler.next()).toBeUndefined();
    expect(assembler.isBehind()).toBe(true);
    add(assembler, first, 1);
    expect(assembler.next()).toBeDefined();
  });

  it('prefers a newer epoch, and forgets what a new epoch gave up', () => {
    const assembler = new BlockAssembler(LIMITS);
    const newer = forge(first, { seal: { epoch: 2 }, envelopes: new Map([0, 1, 2].map((at) => [at, { epoch: 2 }])) });
    for (const at of [0, 1, 2]) add(assembler, first, at);
    assembler.addSeal(first.seal, first.encodedSeal);
    for (const at of [0, 1, 2]) add(assembler, newer, at);
    assembler.addSeal(newer.seal, newer.encodedSeal);
    expect(assembler.next()?.seal).toBe(newer.seal);
    add(assembler, first, 1);
    expect(assembler.next()?.miniBlocks).toEqual(newer.encodedMiniBlocks);
    const start = {
      genesisHash: ZERO_HASH,
      epoch: 3,
      lastNumber: 1,
      lastDigest: ZERO_HASH,
      sequencerKey: ZERO_HASH,
      signature: ZERO_HASH,
    };
    assembler.addEpochStart(start);
    expect(assembler.seal(1)).toBeUndefined();
    expect(assembler.miniBlockDigest(2, 1)).toBeDefined();
    expect(assembler.miniBlockDigest(2, 2)).toBeUndefined();
  });

  it('keeps the nearest within its bounds', () => {
    const size = first.encodedMiniBlocks[0]?.length as number;
    const assembler = new BlockAssembler({ ...LIMITS, maxMiniBlocks: 4, maxMiniBlockBytes: size * 2, blockWindow: 1 });
    expect(add(assembler, second, 1)).toBe(false);
    expect(add(assembler, second, 0)).toBe(true);
    add(assembler, first, 2);
    add(assembler, first, 0);
    expect(assembler.miniBlockDigest(1, 1)).toBeDefined();
    expect(assembler.miniBlockDigest(1, 4)).toBeUndefined();
    expect(assembler.addSeal(second.seal, second.encodedSeal)).toBe(false);
    expect(assembler.seenBlock).toBe(2);
  });

  it('knows a block that it can never hold', () => {
    const assembler = new BlockAssembler({ ...LIMITS, maxMiniBlocks: 2 });
    expect(assembler.isNextTooLarge()).toBe(false);
    assembler.addSeal(first.seal, first.encodedSeal);
    expect(assembler.isNextTooLarge()).toBe(true);
  });
});
