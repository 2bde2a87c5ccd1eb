import { expect, test } from 'vitest';
import { fetchLostRecords, type LoggedBlock } from '../../../src/fullnode/lost-records.ts';
import { decodeLogRecord, recordNumber } from '../../../src/protocol/log-record.ts';
import type { AnswerFault } from '../../../src/protocol/ports/network.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { addBlocks, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { MemoryLog } from '../../support/replica-harness.ts';

const BLOCKS = 4;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Blocks of two mini-blocks, with an epoch that begins inside of the third. */
function chainOf(value = 1n): ReplicaFixture {
  const chain = new ReplicaFixture();
  for (let block = 1; block <= BLOCKS; block++) {
    chain.miniBlock(1, block === BLOCKS ? value : 1n);
    if (block === 3) chain.startEpoch();
    chain.miniBlock();
    chain.attest(chain.seal());
  }
  return chain;
}

const chain = chainOf();
/** Without what provers said. */
const logged = chain.records.filter((record) => record[0] !== 5);
const numbered = logged.map((bytes) => ({ number: recordNumber(decodeLogRecord(bytes)), bytes }));

/** The stored chain beside a log that ends behind block `from`; each answer of its peers is what `answers` gives next. */
async function lose(from: number, answers: ((from: number) => readonly Bytes[])[]) {
  const store = await openTestStore(chain.builder);
  await addBlocks(store, chain.builder.blocks);
  const seals = new Map(chain.blocks.map(({ seal }) => [seal.header.number, seal]));
  const log = new MemoryLog();
  const kept: LoggedBlock = {
    blockNumber: from,
    number: seals.get(from)?.lastNumber ?? 0,
    digest: seals.get(from)?.lastDigest ?? chain.identity.genesisHash,
  };
  // Some of the next block is there too: it goes first.
  await log.append(numbered.filter(({ number }) => number <= kept.number + 1));
  const refused: AnswerFault[] = [];
  const peers = {
    range: async function* (number: number) {
      yield* answers.shift()?.(number) ?? [];
    },
    refuse: (_: object, fault: AnswerFault) => void refused.push(fault),
  };
  const storedChain = { head: () => store.head(), sealOf: async (number: number) => seals.get(number) };
  const isWhole = await fetchLostRecords(
    kept,
    { identity: chain.identity, genesis: chain.genesis },
    { peers, log, chain: storedChain, logger: silent },
    new AbortController().signal,
  );
  await store.close();
  return { isWhole, log, refused };
}

/** What an honest peer answers, in pieces of at most `limit` mini-blocks. */
const honest =
  (limit = Number.POSITIVE_INFINITY, of = chain) =>
  (from: number): readonly Bytes[] => {
    let miniBlocks = 0;
    const start = of.records.findIndex((record) => of.miniBlocks.indexOf(record) >= from - 1 && record[0] === 1);
    const records = from === 0 ? of.records : of.records.slice(start);
    const end = records.findIndex((record) => record[0] === 1 && ++miniBlocks > limit);
    return end === -1 ? records : records.slice(0, end);
  };

test.each([0, 1, 2, 3])('what is lost behind block %i comes back, byte for byte', async (from) => {
  const { isWhole, log, refused } = await lose(from, [honest()]);
  expect(isWhole).toBe(true);
  expect(log.entries).toEqual(numbered);
  expect(refused).toEqual([]);
});

test('answers may end inside of a block', async () => {
  const { isWhole, log } = await lose(
    1,
    Array.from({ length: 8 }, () => honest(2)),
  );
  expect(isWhole).toBe(true);
  expect(log.entries).toEqual(numbered);
});

test('of an answer that leads to another block nothing of that block is taken, and whoever gave it is asked last', async () => {
  const other = chainOf(2n);
  const { isWhole, log, refused } = await lose(1, [honest(undefined, other)]);
  expect(isWhole).toBe(false);
  expect(log.lastNumber()).toBe(defined(chain.blocks[2]).seal.lastNumber);
  expect(refused).toEqual([{ code: 'RANGE_INVALID', isForged: false }]);
});

test('what the sequencer did not sign is a forgery', async () => {
  const altered = (record: Bytes): Bytes => record.map((byte, at) => (at === record.length - 1 ? byte ^ 1 : byte));
  const garbled = (from: number): Bytes[] =>
    honest()(from).map((record) => (record === chain.miniBlocks[2] ? altered(record) : record));
  const { isWhole, log, refused } = await lose(0, [garbled]);
  expect(isWhole).toBe(false);
  expect(numbered.slice(0, log.entries.length)).toEqual(log.entries);
  expect(refused).toEqual([{ code: 'RANGE_INVALID', isForged: true }]);
});

test('without an answer nothing changes but that the log ends with a block', async () => {
  const { isWhole, log } = await lose(2, []);
  expect(isWhole).toBe(false);
  expect(log.lastNumber()).toBe(defined(chain.blocks[1]).seal.lastNumber);
});
