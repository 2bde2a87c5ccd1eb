import { expect, test } from 'vitest';
import type { ChainEvent } from '../../../src/protocol/ports/chain.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { type BuiltMiniBlock, ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, appendAll, dumpRows, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { testAccount } from '../../support/test-accounts.ts';

/** Four sealed blocks that also create accounts, and two mini-blocks on top. */
function builtChain(): { builder: ChainBuilder; open: BuiltMiniBlock[]; all: BuiltMiniBlock[] } {
  const builder = new ChainBuilder();
  for (let i = 0; i < 4; i++) {
    builder.miniBlock([
      builder.transfer(i),
      { from: defined(builder.accounts[0]), to: testAccount(`new ${i}`).address, value: 5n },
    ]);
    builder.miniBlock([builder.transfer(i + 1)]);
    builder.seal();
  }
  const open = [builder.miniBlock([builder.transfer(2)]), builder.miniBlock([builder.transfer(3)])];
  return { builder, open, all: [...builder.blocks.flatMap(({ miniBlocks }) => miniBlocks), ...open] };
}

test.each([0, 1, 3])(
  'after a rollback to the end of block %i every row is as if the later blocks had never been',
  async (keep) => {
    const { builder, open } = builtChain();
    const [directory, expectedDirectory] = [tempDirectory(), tempDirectory()];
    const store = await openTestStore(builder, { directory });
    await addBlocks(store, builder.blocks);
    await store.markRootVerified(4);
    await store.markDaPosted(4, new Uint8Array(32));
    appendAll(store, open);
    await store.rollback(keep * 2);
    expect(store.miniBlockNumber()).toBe(keep * 2);
    expect(store.openBlock()).toBeUndefined();
    await store.close();

    const expected = await openTestStore(builder, { directory: expectedDirectory });
    await addBlocks(expected, builder.blocks.slice(0, keep));
    await expected.close();
    expect(await dumpRows(directory)).toEqual(await dumpRows(expectedDirectory));
  },
);

test('the chain goes on from where it was rolled back to', async () => {
  const { builder, open, all } = builtChain();
  const store = await openTestStore(builder);
  await addBlocks(store, builder.blocks);
  appendAll(store, open);
  await store.rollback(4);
  expect(await store.blockByNumber(3)).toBeUndefined();
  expect(await store.blockByHash(builder.blockAt(3).hash)).toBeUndefined();
  expect(await store.transactionByHash(defined(defined(all[6]).decoded[0]).hash)).toBeUndefined();
  expect(await store.miniBlock(5)).toBeUndefined();
  await addBlocks(store, builder.blocks.slice(2));
  appendAll(store, open);
  expect(store.head().hash).toEqual(builder.blockAt(4).hash);
  await store.close();
});

test('removed transactions are told in chain order, newest last', async () => {
  const { builder, open, all } = builtChain();
  const store = await openTestStore(builder);
  await addBlocks(store, builder.blocks);
  appendAll(store, open);
  const events: ChainEvent[] = [];
  store.subscribe((event) => events.push(event));
  await store.rollback(6);
  const [event] = events;
  expect(event).toMatchObject({ kind: 'rollback', number: 6 });
  const removed = event?.kind === 'rollback' ? event.removed.map(({ transaction }) => toHex(transaction.hash)) : [];
  expect(removed).toEqual(all.slice(6).flatMap(({ decoded }) => decoded.map(({ hash }) => toHex(hash))));
  await store.close();
});

test('mini-blocks of the open block go alone', async () => {
  const { builder, open } = builtChain();
  const store = await openTestStore(builder);
  await addBlocks(store, builder.blocks);
  appendAll(store, open);
  await store.rollback(9);
  expect(defined(store.openBlock()).transactions).toHaveLength(1);
  expect(defined(store.openBlock()).gasUsed).toBe(21_000n);
  await store.rollback(8);
  expect(store.openBlock()).toBeUndefined();
  await store.rollback(8);
  appendAll(store, open);
  expect(defined(store.openBlock()).transactions).toHaveLength(2);
  await store.close();
});

test('nothing below the safe block and no part of a sealed block is undone', async () => {
  const { builder, open } = builtChain();
  const store = await openTestStore(builder);
  await addBlocks(store, builder.blocks);
  appendAll(store, open);
  await store.markSafe(2);
  await expect(store.rollback(3)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
  await expect(store.rollback(5)).rejects.toMatchObject({
    code: 'ROLLBACK_INSIDE_BLOCK',
    meta: { boundary: 4 },
  });
  expect(store.miniBlockNumber()).toBe(10);
  await store.rollback(4);
  expect(store.head().header.number).toBe(2);
  await store.close();
});
