import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const WRITER = join(import.meta.dirname, '..', '..', 'support', 'chain-writer-process.ts');

test('after kill -9 head, blocks, indexes and state are all of one block', async () => {
  const directory = tempDirectory();
  const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let sealed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    sealed = Number(line);
    if (sealed >= 12) break;
  }
  child.kill('SIGKILL');
  await once(child, 'close');

  const builder = new ChainBuilder();
  const store = await openTestStore(builder, { directory });
  const head = store.head().header.number;
  expect(head).toBeGreaterThanOrEqual(sealed);
  for (let number = 1; number <= head; number++) builder.block(3, 5);
  expect(store.head().hash).toEqual(builder.blockAt(head).hash);
  expect(await store.blockDiff(head)).toEqual(builder.blockAt(head).diffBytes);
  for (const { miniBlocks, hash } of builder.blocks) {
    const block = await store.blockByHash(hash);
    const expected = miniBlocks.flatMap(({ decoded }) => decoded);
    expect(defined(block).transactions.map(({ transaction }) => transaction)).toEqual(expected);
    expect(await store.transactionByHash(defined(expected[7]).hash)).toEqual(defined(block).transactions[7]);
  }
  await store.close();
});
