import { expect, test } from 'vitest';
import { decodeLogRecord, recordNumber } from '../../../src/protocol/log-record.ts';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { refillLog } from '../../../src/sequencer/log-refill.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { MemoryLog } from '../../support/replica-harness.ts';
import { testSigner } from '../../support/test-accounts.ts';

/** Three sealed blocks of two mini-blocks, and an open one. */
function published(): { readonly builder: ChainBuilder; readonly entries: LogEntry[] } {
  const builder = new ChainBuilder();
  const blocks = [builder.block(2, 1), builder.block(2, 1), builder.block(2, 1)];
  const entries = blocks.flatMap(({ miniBlocks, record }) => [...miniBlocks.map((miniBlock) => miniBlock.record), record]);
  return { builder, entries: [...entries, builder.miniBlock().record] };
}

/** Refills a log that has the first `kept` of `entries`, up to the end of block 3, from a peer that has them all. */
async function refill(kept: number, key?: Uint8Array): Promise<{ readonly log: MemoryLog; readonly entries: LogEntry[] }> {
  const { builder, entries } = published();
  const log = new MemoryLog();
  await log.append(entries.slice(0, kept));
  async function* range(from: number): AsyncGenerator<Uint8Array> {
    for (const { bytes } of entries) if (recordNumber(decodeLogRecord(bytes)) >= from) yield bytes;
  }
  const { lastNumber, lastDigest } = builder.blockAt(3).seal;
  const chain = { genesisHash: builder.genesisHash, sequencer: key ?? builder.sequencer.address };
  await refillLog({ epoch: 1, number: lastNumber, digest: lastDigest }, chain, { peers: { range }, log });
  return { log, entries };
}

test.each([
  ['in front of a mini-block inside a block', 4],
  ['in front of a seal', 5],
  ['behind a seal', 6],
  ['inside the last block', 7],
  ['from its beginning', 0],
])('a log cut %s comes back record for record', async (_, kept) => {
  const { log, entries } = await refill(kept);
  expect(log.entries.slice(0, 9)).toEqual(entries.slice(0, 9));
});

test('a log that reaches the stored head is left as it is', async () => {
  const { log, entries } = await refill(9);
  expect(log.entries).toEqual(entries.slice(0, 9));
});

test('what another key signed does not come into the log', async () => {
  const { log, entries } = await refill(4, testSigner('somebody else').address);
  expect(log.entries).toEqual(entries.slice(0, 4));
});
