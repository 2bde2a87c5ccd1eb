import { expect } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { rpcBatch } from './json-rpc.ts';

/** What strobe_miniBlock says of the links of the chain. */
export interface MiniBlockJson {
  readonly number: Hex;
  readonly epoch: Hex;
  readonly digest: Hex;
  readonly parentDigest: Hex;
}

const BATCH = 500;

/** Mini-blocks `from` to `to` of a node. */
export async function miniBlocksOf(url: string, from: number, to: number): Promise<(MiniBlockJson | null)[]> {
  const miniBlocks: (MiniBlockJson | null)[] = [];
  for (let start = from; start <= to; start += BATCH) {
    const count = Math.min(BATCH, to - start + 1);
    miniBlocks.push(
      ...(await rpcBatch<MiniBlockJson | null>(
        url,
        'strobe_miniBlock',
        Array.from({ length: count }, (_, i) => [start + i]),
      )),
    );
  }
  return miniBlocks;
}

/** Every mini-block from 1 to `to` is there, and names the digest of the one before. */
export async function expectContiguous(url: string, to: number): Promise<MiniBlockJson[]> {
  const miniBlocks = await miniBlocksOf(url, 1, to);
  const links = miniBlocks.map((miniBlock) => ({ number: Number(miniBlock?.number), parent: miniBlock?.parentDigest }));
  const expected = miniBlocks.map((_, i) => ({ number: i + 1, parent: i === 0 ? links[0]?.parent : miniBlocks[i - 1]?.digest }));
  expect(links).toEqual(expected);
  return miniBlocks.filter((miniBlock) => miniBlock !== null);
}
