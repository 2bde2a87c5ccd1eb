import { describe, expect, onTestFinished, test } from 'vitest';
import { PROOF_TYPE_REEXECUTION } from '../../../src/protocol/attestation.ts';
import type { ChainEvent } from '../../../src/protocol/ports/chain.ts';
import { ChainDatabase } from '../../../src/store/chain-database.ts';
import { HistoryPruner, MIN_KEPT_BLOCKS, oldestToKeep } from '../../../src/store/history-pruner.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { numberKey, readNumber, TABLE } from '../../../src/store/tables.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { entryOf, madeUpBlock } from '../../support/stored-blocks.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { waitFor } from '../../support/wait-for.ts';

const BLOCKS = 14;
/** With a head so far up, the finalized block alone decides. */
const HEAD = 10_000;
const TRANSACTIONS = 3;
const blocks = Array.from({ length: BLOCKS }, (_, i) => madeUpBlock(i + 1, TRANSACTIONS));
const at = (number: number) => blocks[number - 1] as (typeof blocks)[number];
const prover = new Uint8Array(20).fill(9);

type Level = Awaited<ReturnType<typeof openLevel>>;

/** A database with {@link BLOCKS} blocks, each attested, verified and posted. */
async function filledLevel(): Promise<Level> {
  const level = await openLevel(tempDirectory());
  onTestFinished(() => level.close());
  const database = new ChainDatabase(level);
  for (const block of blocks) {
    await database.putBlock(block);
    const { number } = block.record.seal.header;
    const hash = new Uint8Array(32);
    const attestation = {
      proofType: PROOF_TYPE_REEXECUTION,
      blockNumber: number,
      blockHash: hash,
      preStateRoot: hash,
      postStateRoot: hash,
      stateDiffDigest: hash,
      receiptsRoot: hash,
      lastMiniBlockDigest: hash,
      success: true,
      signature: new Uint8Array(65),
    };
    await database.write((batch) => {
      database.verification.putAttestation(batch, attestation, prover);
      database.verification.putRootVerified(batch, number);
      database.verification.putDaCommitment(batch, number, hash);
    });
  }
  return level;
}

const rowsOf = async (level: Level): Promise<string[]> => (await level.keys().all()).map(toKey);

/** Block numbers that have rows of a table keyed by them. */
async function numbersIn(level: Level, table: 'blocks' | 'attestations' | 'rootVerified' | 'daCommitments'): Promise<number[]> {
  const range = { gte: numberKey(TABLE[table], 0), lt: numberKey(TABLE[table], 2 ** 40) };
  return (await level.keys(range).all()).map((key) => readNumber(key, 1));
}

const upFrom = (first: number): number[] => Array.from({ length: BLOCKS - first + 1 }, (_, i) => first + i);

/** A log that holds the mini-blocks from block `first` on. */
function logFrom(first: number | undefined) {
  return {
    firstNumber: () => (first === undefined ? undefined : at(first).record.seal.firstNumber),
    read: async function* () {
      for (const block of blocks.slice((first ?? BLOCKS + 1) - 1)) yield* block.miniBlocks.map(entryOf);
    },
  };
}

class Chain {
  readonly base = { header: { number: 0 }, lastMiniBlock: 0 };
  finalized: number | undefined;
  listener: (event: ChainEvent) => void = () => {};
  head = () => ({ header: { ...at(1).record.seal.header, number: HEAD }, hash: at(1).hash });
  finalizedNumber = () => this.finalized;
  subscribe = (listener: (event: ChainEvent) => void) => {
    this.listener = listener;
    return () => {
      this.listener = () => {};
    };
  };

  constructor(finalized: number | undefined) {
    this.finalized = finalized;
  }
}

const pruner = (
  database: Pick<ChainDatabase, 'blocks' | 'verification' | 'write'>,
  { chain = new Chain(10), log = logFrom(undefined), keepBlocks = 1 } = {},
): HistoryPruner => new HistoryPruner({ keepBlocks }, { database, chain, log });

const never = new AbortController().signal;

test.each([
  ['everything stays when nothing is set', 10_000, 9_999, 0, 1],
  ['the newest blocks stay', 10_000, 9_999, 1_000, 9_001],
  ['what is not final stays', 10_000, 5_000, 1_000, 5_000],
  ['everything stays while nothing is final', 10_000, undefined, 1_000, 1],
  ['blocks that BLOCKHASH may ask for stay whatever is set', 10_000, 10_000, 1, 10_000 - MIN_KEPT_BLOCKS + 1],
  ['a short chain stays', 100, 100, 1_000, 1],
])('%s', (_what, head, finalized, keepBlocks, expected) => {
  expect(oldestToKeep(head, finalized, keepBlocks)).toBe(expected);
});

describe('pruning', () => {
  test('removes all rows of the blocks below the finalized one and no other', async () => {
    const level = await filledLevel();
    const before = await rowsOf(level);
    await pruner(new ChainDatabase(level)).pruneReady(never);
    for (const table of ['blocks', 'attestations', 'rootVerified', 'daCommitments'] as const) {
      expect(await numbersIn(level, table)).toEqual(upFrom(10));
    }
    const rowsPerBlock = 1 + 1 + 2 + 2 * TRANSACTIONS + 3;
    const after = await rowsOf(level);
    const mark = after.filter((row) => !before.includes(row));
    expect(mark).toHaveLength(1);
    expect(before.length - (after.length - 1)).toBe(9 * rowsPerBlock);
    const database = new ChainDatabase(level);
    for (const number of upFrom(10)) {
      const { record, hash, transactionHashes } = at(number);
      expect((await database.blocks.record(number))?.seal.firstNumber).toBe(record.seal.firstNumber);
      expect(await database.blocks.numberOf(hash)).toBe(number);
      expect((await database.blocks.body(record.seal.lastNumber)).transactions).toHaveLength(TRANSACTIONS);
      for (const transaction of transactionHashes) {
        expect((await database.blocks.locationOf(transaction))?.blockNumber).toBe(number);
      }
    }
  });

  test('readers know no block below the mark, from the moment it moves', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    expect(await database.blocks.oldest()).toBe(1);
    await database.write((batch) => database.blocks.putOldest(batch, 6));
    // Nothing is removed yet.
    expect(await numbersIn(level, 'blocks')).toEqual(upFrom(1));
    for (const reader of [database, new ChainDatabase(level)]) {
      expect(await reader.blocks.oldest()).toBe(6);
      expect(await reader.blocks.record(5)).toBeUndefined();
      expect((await reader.blocks.record(6))?.seal.header.number).toBe(6);
      const seen: number[] = [];
      for await (const { seal } of reader.blocks.records(6, 8)) seen.push(seal.header.number);
      expect(seen).toEqual([6, 7, 8]);
      await expect(reader.blocks.records(3, 8).next()).rejects.toMatchObject({ code: 'HISTORY_PRUNED' });
    }
  });

  test('a body that goes after its record was read is pruned history, one that is missing above is damage', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    await pruner(database).pruneReady(never);
    await expect(database.blocks.body(at(9).record.seal.lastNumber)).rejects.toMatchObject({
      code: 'HISTORY_PRUNED',
      meta: { oldest: 10 },
    });
    const kept = at(10).record.seal.firstNumber;
    await level.del(numberKey(TABLE.bodies, kept));
    await expect(database.blocks.body(kept)).rejects.toMatchObject({ code: 'DATABASE_FAILED' });
  });

  test('a run that ends at any write is finished by the next one', async () => {
    const whole = await filledLevel();
    await pruner(new ChainDatabase(whole)).pruneReady(never);
    const expected = await rowsOf(whole);
    for (let writes = 0, isDone = false; !isDone; writes++) {
      const level = await filledLevel();
      isDone = await pruneWithWrites(level, writes);
      // As after a restart: nothing is known from before.
      const database = new ChainDatabase(level);
      const oldest = await database.blocks.oldest();
      expect([1, 10]).toContain(oldest);
      expect(await database.blocks.record(9)).toEqual(oldest === 1 ? at(9).record : undefined);
      await pruner(database).pruneReady(never);
      expect(await rowsOf(level)).toEqual(expected);
    }
  });

  test('an abort ends it between two blocks, and the same pruner goes on later', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    const abort = new AbortController();
    const aborting = {
      blocks: database.blocks,
      verification: database.verification,
      write: (...request: Parameters<ChainDatabase['write']>) => {
        writes++;
        if (writes === 6) abort.abort();
        return database.write(...request);
      },
    };
    let writes = 0;
    const interrupted = pruner(aborting);
    await interrupted.pruneReady(abort.signal);
    expect((await numbersIn(level, 'blocks')).length).toBeGreaterThan(BLOCKS - 9);
    await interrupted.pruneReady(never);
    expect(await numbersIn(level, 'blocks')).toEqual(upFrom(10));
  });

  test('attestations stay as long as the log has their block', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    let log = logFrom(4);
    const following = { firstNumber: () => log.firstNumber(), read: () => log.read() };
    const pruning = pruner(database, { log: following });
    await pruning.pruneReady(never);
    expect(await numbersIn(level, 'blocks')).toEqual(upFrom(10));
    expect(await numbersIn(level, 'attestations')).toEqual(upFrom(4));
    log = logFrom(8);
    await pruning.pruneReady(never);
    expect(await numbersIn(level, 'attestations')).toEqual(upFrom(8));
    log = logFrom(12);
    await pruning.pruneReady(never);
    expect(await numbersIn(level, 'attestations')).toEqual(upFrom(10));
  });

  test('nothing goes while all history is to stay, and what an earlier setting began is finished', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    const before = await rowsOf(level);
    await pruner(database, { keepBlocks: 0 }).pruneReady(never);
    expect(await rowsOf(level)).toEqual(before);
    await database.write((batch) => database.blocks.putOldest(batch, 5));
    await pruner(new ChainDatabase(level), { keepBlocks: 0 }).pruneReady(never);
    expect(await numbersIn(level, 'blocks')).toEqual(upFrom(5));
  });
});

describe('run', () => {
  test('prunes when finality moves, and ends when it is told to', async () => {
    const level = await filledLevel();
    const database = new ChainDatabase(level);
    const chain = new Chain(undefined);
    const abort = new AbortController();
    const running = pruner(database, { chain }).run(abort.signal);
    for (const finalized of [4, 9]) {
      chain.finalized = finalized;
      chain.listener({ kind: 'finalized', blockNumber: finalized });
      await waitFor(async () => (await numbersIn(level, 'attestations'))[0] === finalized);
      expect(await numbersIn(level, 'blocks')).toEqual(upFrom(finalized));
    }
    abort.abort();
    await running;
  });

  test('a database that fails ends it with its error', async () => {
    const level = await filledLevel();
    const { blocks: repository, verification } = new ChainDatabase(level);
    const write = () => Promise.reject(new StrobeError('CHAIN_STORE_FAILED', 'no space left'));
    await expect(pruner({ blocks: repository, verification, write }).run(never)).rejects.toMatchObject({
      code: 'CHAIN_STORE_FAILED',
    });
  });
});

/** Prunes with a database that dies behind so many writes; true when it needed no more. */
async function pruneWithWrites(level: Level, allowed: number): Promise<boolean> {
  const database = new ChainDatabase(level);
  let left = allowed;
  const dying = {
    blocks: database.blocks,
    verification: database.verification,
    write: (...request: Parameters<ChainDatabase['write']>) => {
      if (left === 0) return Promise.reject(new StrobeError('CHAIN_STORE_FAILED', 'killed'));
      left--;
      return database.write(...request);
    },
  };
  return pruner(dying)
    .pruneReady(never)
    .then(
      () => true,
      () => false,
    );
}
