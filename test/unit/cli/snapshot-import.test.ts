import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { signMiniBlock } from '../../../src/protocol/mini-block.ts';
import { blockSealDigest, epochStartDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { ChainDatabase } from '../../../src/store/chain-database.ts';
import { DATA_FORMAT_FILE, openDataFormat } from '../../../src/store/data-format.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { LogGuard } from '../../../src/store/log-guard.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import type { SnapshotPoint } from '../../../src/store/snapshot/snapshot-types.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { exportChainSnapshot, writeChainSnapshot, writeGenesisFile } from '../../support/chain-snapshot.ts';
import { addBlocks, openTestStore, recordsOf } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { withFlippedBit } from '../store/snapshot/snapshot-kit.ts';
import { runSnapshotCommand as run } from './run-snapshot-command.ts';

const BLOCKS = 4;
const SNAPSHOT = '0000000000000004.snapshot';

/** A chain of {@link BLOCKS} blocks in the second epoch. */
function chainOf(name = 'test', blocks = BLOCKS) {
  const builder = new ChainBuilder({ name });
  const { epochStart } = builder.startEpoch();
  for (let i = 0; i < blocks; i++) builder.block();
  return { builder, epochStarts: [epochStart] };
}

const chain = chainOf();
const exported = (options = {}) => exportChainSnapshot(chain.builder, { epochStarts: chain.epochStarts, ...options });

function import_(dataDir: string, input: string, builder = chain.builder) {
  return run('import', '--data-dir', dataDir, '--input', input, '--genesis', writeGenesisFile(builder));
}

/** A stopped node's data directory with the first `blocks` blocks of a chain. */
async function nodeWith(builder: ChainBuilder, blocks: number): Promise<string> {
  const dataDir = tempDirectory();
  await openDataFormat(dataDir, builder.genesisHash, { version: 'test' });
  await writeLog(dataDir, builder, blocks);
  const store = await openTestStore(builder, { directory: join(dataDir, 'chain') });
  await addBlocks(store, builder.blocks.slice(0, blocks));
  await store.close();
  return dataDir;
}

async function writeLog(dataDir: string, builder: ChainBuilder, blocks: number): Promise<void> {
  const { genesisHash } = builder;
  const { log } = await SegmentLog.open({ directory: join(dataDir, 'log'), genesisHash, durability: 'os' });
  await log.append(recordsOf(builder.blocks.slice(0, blocks)));
  await log.close();
}

/** What the chain database says of where the chain begins. */
async function marksOf(dataDir: string) {
  const level = await openLevel(join(dataDir, 'chain'));
  const { meta, blocks } = new ChainDatabase(level);
  const [head, safe, finalized] = await Promise.all((['head', 'safe', 'finalized'] as const).map((mark) => meta.number(mark)));
  const marks = { head, safe, finalized, base: (await meta.base())?.header.number, oldest: await blocks.oldest() };
  await level.close();
  return marks;
}

const BEGUN = { head: BLOCKS, safe: BLOCKS, finalized: BLOCKS, base: BLOCKS, oldest: BLOCKS + 1 };

describe('import', () => {
  test('into a new data directory makes the chain begin with the block', async () => {
    const dataDir = join(tempDirectory(), 'new', 'node');
    const input = await exported();
    expect(await import_(dataDir, input)).toMatchObject({ code: 0, out: expect.stringMatching(/^4 /) });
    expect((await run('list', '--data-dir', dataDir)).out).toMatch(/^4 /);
    expect(readFileSync(join(dataDir, 'snapshots', SNAPSHOT))).toEqual(readFileSync(input));
    expect(await marksOf(dataDir)).toEqual(BEGUN);
    expect(existsSync(join(dataDir, DATA_FORMAT_FILE))).toBe(true);
    const guard = await LogGuard.acquire(join(dataDir, 'log'));
    expect(guard.unsettled).toBe('imported');
    await guard.release(undefined);
  });

  test('again, over the same block, repairs the snapshot and nothing else', async () => {
    const dataDir = tempDirectory();
    const input = await exported();
    await import_(dataDir, input);
    const path = join(dataDir, 'snapshots', SNAPSHOT);
    writeFileSync(path, withFlippedBit(path, 100));
    expect(await import_(dataDir, input)).toMatchObject({ code: 0 });
    expect(readFileSync(path)).toEqual(readFileSync(input));
    expect(await marksOf(dataDir)).toEqual(BEGUN);
  });

  test('into a node that has every block up to there keeps them', async () => {
    const dataDir = await nodeWith(chain.builder, BLOCKS);
    expect(await import_(dataDir, await exported())).toMatchObject({ code: 0 });
    expect(await marksOf(dataDir)).toMatchObject({ head: BLOCKS, base: undefined, oldest: 1 });
  });

  test.each([0, 2])('over the first %d blocks of the same chain begins anew', async (blocks) => {
    const dataDir = await nodeWith(chain.builder, blocks);
    expect(await import_(dataDir, await exported())).toMatchObject({ code: 0 });
    expect(await marksOf(dataDir)).toEqual(BEGUN);
  });

  test('needs the genesis file, and refuses a snapshot of another chain', async () => {
    const input = await exported();
    const dataDir = join(tempDirectory(), 'node');
    const without = await run('import', '--data-dir', dataDir, '--input', input);
    expect(without).toMatchObject({ code: 2, err: expect.stringContaining('--genesis') });
    const other = await import_(dataDir, input, chainOf('other', 0).builder);
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('another chain') });
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe('import is refused and changes nothing', () => {
  const longer = new ChainBuilder();
  longer.startEpoch();
  for (let i = 0; i <= BLOCKS; i++) longer.block();
  const fork = new ChainBuilder();
  fork.startEpoch();
  for (let i = 0; i < BLOCKS; i++) fork.block(1, 1);

  test.each<[string, () => Promise<string>, RegExp]>([
    ['a longer chain', () => nodeWith(longer, BLOCKS + 1), /is at block 5, the snapshot is of block 4/],
    ['another fork', () => nodeWith(fork, 2), /has another block 2/],
    ['another fork that is as long', () => nodeWith(fork, BLOCKS), /has another block 4/],
    ['another chain', () => nodeWith(chainOf('other').builder, 1), /belongs to another chain/],
    ['a log without its database', () => logAlone(chain.builder), /has records and .* is missing/],
    ['a log of another chain', () => logAlone(chainOf('other').builder), /belongs to another chain/],
    ['a database of another version', databaseOfVersion99, /has format version 99/],
    ['an old format', oldDirectory, /has format 1/],
  ])('into %s', async (_, prepare, message) => {
    const dataDir = await prepare();
    const { code, err } = await import_(dataDir, await exported());
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(existsSync(join(dataDir, 'snapshots', SNAPSHOT))).toBe(false);
  });

  test('beside a newer snapshot', async () => {
    const dataDir = tempDirectory();
    await openDataFormat(dataDir, longer.genesisHash, { version: 'test' });
    await writeChainSnapshot(longer, join(dataDir, 'snapshots'));
    const { code, err } = await import_(dataDir, await exported());
    expect([code, err]).toEqual([1, expect.stringContaining('there is one of block 5')]);
    expect(existsSync(join(dataDir, 'chain'))).toBe(false);
  });

  test('into a running node', async () => {
    const dataDir = tempDirectory();
    await openDataFormat(dataDir, chain.builder.genesisHash, { version: 'test' });
    const guard = await LogGuard.acquire(join(dataDir, 'log'));
    const { code, err } = await import_(dataDir, await exported());
    expect([code, err]).toEqual([1, expect.stringContaining('another node runs on this data directory')]);
    await guard.release(undefined);
  });

  test('of a file that is cut or altered', async () => {
    const input = await exported();
    const whole = readFileSync(input);
    const spoilt = [whole.subarray(0, 500), whole.subarray(0, -1), withFlippedBit(input, 60), withFlippedBit(input, -60)];
    for (const content of spoilt) await expectUntrusted(content, /cannot be used/);
  });

  test.each<[string, RegExp, Parameters<typeof exportChainSnapshot>[1]]>([
    ['a seal', /its seal is not signed by the sequencer/, { alter: sealedBy('stranger') }],
    ['a last mini-block', /its last mini-block is not signed/, { alter: lastSignedBy('stranger') }],
    ['an epoch', /the start of epoch 2 is not signed/, { alter: epochSignedBy('stranger') }],
    ['an epoch of a key that is not the chain’s', /the start of epoch 2 is not signed/, { alter: epochOf('stranger') }],
  ])('of a snapshot with %s that a stranger signed', async (_, message, options) => {
    await expectUntrusted(readFileSync(await exported(options)), message);
  });

  test('of a snapshot with another state, though a whole one', async () => {
    const richer = new ChainBuilder();
    for (const [index, { miniBlocks }] of chain.builder.blocks.entries()) {
      if (index === 0) richer.startEpoch();
      // The same accounts and slots, so the registry is the same, and other balances.
      for (const [m] of miniBlocks.entries()) {
        richer.miniBlock([0, 1].map((i) => richer.transfer(m + i, 2n)));
      }
      richer.seal();
    }
    const content = readFileSync(await exported({ stateOf: richer }));
    await expectUntrusted(content, /its state does not have the state root of block 4/);
    // Its bytes are what they say they are: only the genesis file shows it.
    const file = join(tempDirectory(), 'whole');
    writeFileSync(file, content);
    expect(await run('verify', file)).toMatchObject({ code: 0 });
    const verified = await run('verify', file, '--genesis', writeGenesisFile(chain.builder));
    expect(verified).toMatchObject({ code: 1, err: expect.stringContaining('state root') });
  });

  async function expectUntrusted(content: Uint8Array, message: RegExp): Promise<void> {
    const dataDir = join(tempDirectory(), 'node');
    const input = join(tempDirectory(), 'input');
    writeFileSync(input, content);
    const result = await import_(dataDir, input);
    expect(result.code).toBe(1);
    expect(result.err).toMatch(message);
    expect(existsSync(dataDir) ? readdirSync(dataDir) : []).toEqual([]);
  }
});

test('verify with a genesis file accepts what a sequencer of the chain signed', async () => {
  const file = await exported();
  const genesis = writeGenesisFile(chain.builder);
  expect(await run('verify', file, '--genesis', genesis)).toMatchObject({ code: 0, out: expect.stringMatching(/^4 /) });
});

async function logAlone(builder: ChainBuilder): Promise<string> {
  const dataDir = tempDirectory();
  await openDataFormat(dataDir, chain.builder.genesisHash, { version: 'test' });
  await writeLog(dataDir, builder, 1);
  return dataDir;
}

async function databaseOfVersion99(): Promise<string> {
  const dataDir = await nodeWith(chain.builder, 1);
  const level = await openLevel(join(dataDir, 'chain'));
  const database = new ChainDatabase(level);
  await database.write((batch) => database.meta.putNumber(batch, 'formatVersion', 99));
  await level.close();
  return dataDir;
}

async function oldDirectory(): Promise<string> {
  const dataDir = tempDirectory();
  await writeLog(dataDir, chain.builder, 1);
  return dataDir;
}

function sealedBy(name: string) {
  return (point: SnapshotPoint): SnapshotPoint => {
    const seal = defined(point.seal);
    return { ...point, seal: withSignature(seal, blockSealDigest(seal), testSigner(name)) };
  };
}

function lastSignedBy(name: string) {
  return (point: SnapshotPoint): SnapshotPoint => {
    const last = defined(point.last);
    return { ...point, last: { ...last, ...signMiniBlock(last.envelope, testSigner(name)) } };
  };
}

function epochSignedBy(name: string) {
  return (point: SnapshotPoint): SnapshotPoint => {
    const start = defined(point.epochStarts[0]);
    return { ...point, epochStarts: [withSignature(start, epochStartDigest(start), testSigner(name))] };
  };
}

function epochOf(name: string) {
  return (point: SnapshotPoint): SnapshotPoint => {
    const start = { ...defined(point.epochStarts[0]), sequencerKey: testSigner(name).address };
    return { ...point, epochStarts: [withSignature(start, epochStartDigest(start), testSigner(name))] };
  };
}
