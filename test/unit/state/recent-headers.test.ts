import { expect, test } from 'vitest';
import { hashHeader } from '../../../src/protocol/block-header.ts';
import type { Block, ChainReader } from '../../../src/protocol/ports/chain.ts';
import { RecentHeaders } from '../../../src/state/recent-headers.ts';
import { madeUpBlock } from '../../support/stored-blocks.ts';

/** More than are kept in memory. */
const HEAD = 900;
/** What is below is not stored: the chain was begun with a snapshot of this block. */
const BASE = 300;

const headerOf = (number: number) => madeUpBlock(number, 0).record.seal.header;

const chain: Pick<ChainReader, 'head' | 'blockByNumber' | 'sealOf' | 'subscribe'> = {
  head: () => ({ header: headerOf(HEAD), hash: hashHeader(headerOf(HEAD)) }),
  sealOf: async (number) => (number >= BASE ? madeUpBlock(number, 0).record.seal : undefined),
  blockByNumber: async (number) => (number === 0 ? ({ header: headerOf(0) } as Block) : undefined),
  subscribe: () => () => {},
};

test.each([
  { number: HEAD, from: HEAD - 255, where: 'in memory' },
  { number: HEAD - 200, from: HEAD - 455, where: 'in part in memory' },
  { number: 560, from: 305, where: 'in the store' },
  { number: 320, from: 65, where: 'in part in the store and in part of the snapshot that it was begun with' },
  { number: 250, from: 0, where: 'of the snapshot, down to genesis' },
])('the headers that BLOCKHASH sees from behind block $number are there, $where', async ({ number, from }) => {
  const headers = new RecentHeaders();
  await headers.follow(
    chain,
    Array.from({ length: BASE }, (_, i) => headerOf(i)),
  );
  const found = (await headers.upTo(number)).map((header) => header.number);
  expect(found).toEqual(Array.from({ length: number - from + 1 }, (_, i) => from + i));
});
