import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BlockDiffs } from '../../../src/fullnode/block-diffs.ts';
import { createFullNodeMetrics } from '../../../src/fullnode/full-node-metrics.ts';
import { ReplicaChain } from '../../../src/fullnode/replica-chain.ts';
import { SealedBlocks } from '../../../src/fullnode/sealed-blocks.ts';
import { loadGenesisChain } from '../../../src/node/genesis-chain.ts';
import { Lifecycle } from '../../../src/node/lifecycle.ts';
import { type ChainStorage, openStorage } from '../../../src/node/open-storage.ts';
import { replaceState, takeStaged } from '../../../src/node/snapshot-import.ts';
import { importSnapshot } from '../../../src/node/snapshot-tools.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { decodeLogRecord, encodeSequencerMessage, recordNumber } from '../../../src/protocol/log-record.ts';
import type { EpochStart } from '../../../src/protocol/sequencer-messages.ts';
import { RecentHeaders } from '../../../src/state/recent-headers.ts';
import { replayLog } from '../../../src/state/replay-log.ts';
import { openDataFormat } from '../../../src/store/data-format.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { exportChainSnapshot, writeChainSnapshot, writeGenesisFile } from '../../support/chain-snapshot.ts';
import { addBlocks, describeState, recordsOf } from '../../support/chain-store-kit.ts';
import { readAll } from '../../support/log-records.ts';
import { inlineNetDiffs } from '../../support/net-diffs.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { withFlippedBit } from '../store/snapshot/snapshot-kit.ts';

/** The snapshot's block; the chain goes on behind it. */
const BLOCK = 3;
const BLOCKS = 5;

class Chain {
  readonly builder = new ChainBuilder();
  readonly epochStarts: EpochStart[] = [];

  /**
   * @param options.thirdEpoch when it begins: in front of the seal of block {@link BLOCK}, or right behind it
   * @param options.value wei of the first transfer of each block: with another one it is another chain of the same keys
   */
  constructor(options: { readonly thirdEpoch?: 'before seal' | 'behind seal'; readonly value?: bigint } = {}) {
    this.startEpoch();
    for (let block = 1; block <= BLOCKS; block++) {
      this.builder.miniBlock([this.builder.transfer(block, options.value)]);
      this.builder.miniBlock([this.builder.transfer(0)]);
      if (block === BLOCK && options.thirdEpoch === 'before seal') this.startEpoch();
      this.builder.seal();
      if (block === BLOCK && options.thirdEpoch === 'behind seal') this.startEpoch();
    }
  }

  startEpoch(): void {
    this.epochStarts.push(this.builder.startEpoch().epochStart);
  }

  get lastMiniBlock(): number {
    return this.builder.blockAt(BLOCK).seal.lastNumber;
  }

  async open(dataDir: string): Promise<ChainStorage & { readonly close: () => Promise<void> }> {
    const logger = createLogger({ level: 'silent', format: 'json' });
    const life = new Lifecycle(logger);
    onTestFinished(() => life.stop());
    const chain = await loadGenesisChain(writeGenesisFile(this.builder));
    const options = { dataDir, chain, role: 'replica', durability: 'os' } as const;
    const storage = await openStorage(options, { logger, life }).catch((error: unknown) => life.fail(error));
    return { ...storage, close: () => life.stop() };
  }

  async import(dataDir: string): Promise<void> {
    const input = await exportChainSnapshot(this.builder, { block: BLOCK, epochStarts: this.epochStarts });
    await importSnapshot(dataDir, input, writeGenesisFile(this.builder));
  }

  /** A data directory that was begun by an import. */
  async imported(): Promise<string> {
    const dataDir = join(tempDirectory(), 'node');
    await this.import(dataDir);
    return dataDir;
  }

  /** A stopped node that has the first `blocks` blocks in its log and the first `stored` in its database. */
  async nodeWith(blocks: number, stored = blocks): Promise<string> {
    const dataDir = tempDirectory();
    const { log, store, close } = await this.open(dataDir);
    if (blocks > 0) await log.append(recordsOf(this.builder.blocks.slice(0, blocks)));
    await addBlocks(store, this.builder.blocks.slice(0, stored));
    await close();
    return dataDir;
  }
}

async function kindsIn(log: SegmentLog): Promise<string[]> {
  const entries = await readAll(log, log.firstNumber() ?? 0);
  return entries.map(({ bytes }) => {
    const record = decodeLogRecord(bytes);
    return `${record.kind} ${recordNumber(record)}`;
  });
}

function replay({ log, store, chainState, codec }: ChainStorage) {
  return replayLog({ log, chainState, chain: store, codec });
}

test('an imported block is head, safe and final, and the chain goes on behind it', async () => {
  const chain = new Chain();
  const { builder, lastMiniBlock } = chain;
  const dataDir = await chain.imported();
  const storage = await chain.open(dataDir);
  const { store, log, state, chainState } = storage;
  const { hash, seal } = builder.blockAt(BLOCK);
  expect(store.head()).toMatchObject({ hash, header: { number: BLOCK } });
  expect([store.safeNumber(), store.finalizedNumber(), await store.oldestBlock()]).toEqual([BLOCK, BLOCK, BLOCK + 1]);
  expect(await store.blockStatus(BLOCK)).toMatchObject({ rootVerified: true, attestedBy: [] });
  expect(await kindsIn(log)).toEqual([`miniBlock ${lastMiniBlock}`, `blockSeal ${lastMiniBlock}`]);
  expect(await replay(storage)).toMatchObject({ epoch: 2, epochKey: builder.sequencer.address, miniBlocks: 0, seals: 0 });

  await log.append(recordsOf(builder.blocks.slice(BLOCK)));
  expect(await replay(storage)).toMatchObject({ miniBlocks: 4, seals: 2 });
  expect(store.head().hash).toEqual(builder.blockAt(BLOCKS).hash);
  expect(chainState.head()).toMatchObject(builder.tip);
  expect(describeState(state)).toEqual(describeState(builder.state));
  expect(await store.sealOf(BLOCK)).toEqual(seal);
  expect(await store.blockByNumber(BLOCK)).toBeUndefined();
  expect(await store.sealOf(BLOCK - 1)).toBeUndefined();
  expect((await store.blockByNumber(BLOCK + 1))?.transactions.length).toBe(2);
});

test('a restart goes on from the snapshot, and a rollback to the imported block is possible', async () => {
  const chain = new Chain();
  const dataDir = await chain.imported();
  const first = await chain.open(dataDir);
  await first.log.append(recordsOf(chain.builder.blocks.slice(BLOCK)));
  await replay(first);
  await first.close();

  const storage = await chain.open(dataDir);
  expect(storage.store.head().header.number).toBe(BLOCKS);
  expect(await replay(storage)).toMatchObject({ miniBlocks: 0, seals: 0 });
  expect(describeState(storage.state)).toEqual(describeState(chain.builder.state));
  await storage.store.rollback(chain.lastMiniBlock);
  expect(storage.store.head().hash).toEqual(chain.builder.blockAt(BLOCK).hash);
  await expect(storage.store.rollback(chain.lastMiniBlock - 1)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
});

test('an epoch that begins with the imported block undoes what came behind it', async () => {
  const chain = new Chain();
  const dataDir = await chain.imported();
  const storage = await chain.open(dataDir);
  const { genesis, identity } = await loadGenesisChain(writeGenesisFile(chain.builder));
  const logger = createLogger({ level: 'silent', format: 'json' });
  const replica = new ReplicaChain(
    { genesis, identity },
    {
      ...{ ...storage, chain: storage.store, sealedBlocks: new SealedBlocks({ chain: storage.store }) },
      blockDiffs: new BlockDiffs({
        ...{ chain: storage.store, netDiffs: inlineNetDiffs(storage.state), logger },
        onWrongDigest: ({ header }) => expect.unreachable(`block ${header.number} has another diff`),
      }),
      clock: { nowUs: () => 0 },
      metrics: createFullNodeMetrics(createMetrics()),
      logger,
    },
  );
  await replica.recover();
  expect(replica.epoch()).toMatchObject({ number: 2, key: chain.builder.sequencer.address });
  expect(await replica.safeMiniBlock()).toBe(chain.lastMiniBlock);
  const next = chain.builder.blockAt(BLOCK + 1);
  for (const { miniBlock, record } of next.miniBlocks) await replica.applyMiniBlocks([{ miniBlock, bytes: record.bytes }]);
  await replica.applySeal(next.seal, next.record.bytes);
  expect(replica.headBlock()).toBe(BLOCK + 1);

  const [, third] = new Chain({ thirdEpoch: 'behind seal' }).epochStarts as [EpochStart, EpochStart];
  const bytes = encodeSequencerMessage({ kind: 'epochStart', epochStart: third });
  expect(await replica.applyEpochStart(third, bytes)).toBe('applied');
  expect([replica.headBlock(), replica.head().number]).toEqual([BLOCK, chain.lastMiniBlock]);
  expect(await kindsIn(storage.log)).toEqual(
    ['miniBlock', 'blockSeal', 'epochStart'].map((kind) => `${kind} ${chain.lastMiniBlock}`),
  );
  await storage.close();
  expect(await replay(await chain.open(dataDir))).toMatchObject({ epoch: 3 });
});

test('BLOCKHASH sees blocks from below the import', async () => {
  const chain = new Chain();
  const { store, snapshot } = await chain.open(await chain.imported());
  const headers = new RecentHeaders();
  const stop = await headers.follow(store, snapshot?.headers);
  for (let block = 1; block <= BLOCK; block++) expect(headers.hashOf(block)).toEqual(chain.builder.blockAt(block).hash);
  expect(headers.hashOf(0)).toEqual(chain.builder.genesisHash);
  expect((await headers.upTo(BLOCK)).length).toBe(BLOCK + 1);
  stop();
  await expect(new RecentHeaders().follow(store)).rejects.toThrow('BLOCKHASH');
});

test.each([
  ['before seal', ['miniBlock', 'epochStart', 'blockSeal']],
  ['behind seal', ['miniBlock', 'blockSeal', 'epochStart']],
] as const)('an epoch that began %s is in the log where it stood', async (thirdEpoch, order) => {
  const chain = new Chain({ thirdEpoch });
  const storage = await chain.open(await chain.imported());
  expect(await kindsIn(storage.log)).toEqual(order.map((kind) => `${kind} ${chain.lastMiniBlock}`));
  expect(await replay(storage)).toMatchObject({ epoch: 3, epochKey: chain.builder.sequencer.address });
  expect(storage.chainState.epochStarts().map(({ epoch }) => epoch)).toEqual([2, 3]);
});

test('a log that a crash left half begun is begun again', async () => {
  const chain = new Chain({ thirdEpoch: 'behind seal' });
  const dataDir = await chain.imported();
  const { log, close } = await chain.open(dataDir);
  const whole = await readAll(log, log.firstNumber());
  await close();
  const { genesisHash } = chain.builder;
  for (let count = 0; count <= whole.length; count++) {
    const half = await SegmentLog.open({ directory: join(dataDir, 'log'), genesisHash, durability: 'os' });
    await half.log.truncateAfter(-1);
    if (count > 0) await half.log.append(whole.slice(0, count));
    await half.log.close();
    const opened = await chain.open(dataDir);
    expect(await readAll(opened.log, opened.log.firstNumber())).toEqual(whole);
    await opened.close();
  }
});

test.each([1, 2])('the log of a chain of %d blocks goes when a later block is imported', async (blocks) => {
  const chain = new Chain();
  const dataDir = await chain.nodeWith(blocks);
  await chain.import(dataDir);
  const storage = await chain.open(dataDir);
  expect(storage.log.firstNumber()).toBe(chain.lastMiniBlock);
  expect(await storage.store.sealOf(1)).toBeUndefined();
  await storage.log.append(recordsOf(chain.builder.blocks.slice(BLOCK)));
  expect(await replay(storage)).toMatchObject({ seals: 2 });
  expect(describeState(storage.state)).toEqual(describeState(chain.builder.state));
});

test.each([
  { blocks: BLOCK - 1, isTaken: true },
  { blocks: BLOCK, isTaken: false },
  { blocks: BLOCK + 1, isTaken: false },
])('a snapshot from peers is taken by a chain of $blocks blocks: $isTaken', async ({ blocks, isTaken }) => {
  const chain = new Chain();
  const dataDir = await chain.nodeWith(blocks);
  const path = await exportChainSnapshot(chain.builder, { block: BLOCK, epochStarts: chain.epochStarts });
  expect(await takeStaged(dataDir, path, [])).toBe(isTaken);
  const { store, log } = await chain.open(dataDir);
  expect(store.head().header.number).toBe(Math.max(blocks, BLOCK));
  expect(store.safeNumber()).toBe(isTaken ? BLOCK : undefined);
  expect(log.lastNumber()).toBe(chain.builder.blockAt(Math.max(blocks, BLOCK)).seal.lastNumber);
  expect(await store.oldestBlock()).toBe(isTaken ? BLOCK + 1 : 1);
});

test('a snapshot from peers takes the place of blocks that went another way, and not of safe ones', async () => {
  const chain = new Chain();
  const fork = new Chain({ value: 2n });
  const dataDir = await fork.nodeWith(2);
  const path = await exportChainSnapshot(chain.builder, { block: BLOCK, epochStarts: chain.epochStarts });
  const { store, close } = await fork.open(dataDir);
  await store.markSafe(1);
  await close();
  await expect(takeStaged(dataDir, path, [])).rejects.toMatchObject({ code: 'SNAPSHOT_OF_FORK' });

  const unsafe = await fork.nodeWith(2);
  expect(await takeStaged(unsafe, path, [])).toBe(true);
  const taken = await chain.open(unsafe);
  await taken.log.append(recordsOf(chain.builder.blocks.slice(BLOCK)));
  expect(await replay(taken)).toMatchObject({ seals: 2 });
  expect(describeState(taken.state)).toEqual(describeState(chain.builder.state));
  expect(await taken.store.blockByHash(fork.builder.blockAt(2).hash)).toBeUndefined();
});

test('a snapshot from peers replaces a wrong state, and the chain stays', async () => {
  const chain = new Chain();
  const dataDir = await chain.nodeWith(BLOCKS);
  const wrong = new Chain({ value: 2n }).builder;
  const own = { epochStarts: chain.epochStarts, stateOf: wrong };
  for (const block of [2, BLOCK, 4]) await writeChainSnapshot(chain.builder, join(dataDir, 'snapshots'), { block, ...own });
  const path = await exportChainSnapshot(chain.builder, { block: BLOCK, epochStarts: chain.epochStarts });
  await replaceState(dataDir, path);
  const storage = await chain.open(dataDir);
  expect(storage.snapshot?.header.number).toBe(BLOCK);
  await replay(storage);
  expect(describeState(storage.state)).toEqual(describeState(chain.builder.state));
  expect([storage.store.head().header.number, await storage.store.oldestBlock()]).toEqual([BLOCKS, 1]);
});

test('an import that ended before the chain went over to it leaves a new node', async () => {
  const chain = new Chain();
  const dataDir = tempDirectory();
  await openDataFormat(dataDir, chain.builder.genesisHash, { version: 'test' });
  await writeChainSnapshot(chain.builder, join(dataDir, 'snapshots'), { block: BLOCK });
  const { store, snapshot, chainState, close } = await chain.open(dataDir);
  expect([store.head().header.number, chainState.head().number, snapshot]).toEqual([0, 0, undefined]);
  expect(readdirSync(join(dataDir, 'snapshots'))).toEqual([]);
  await close();
  await chain.import(dataDir);
  expect((await chain.open(dataDir)).store.head().header.number).toBe(BLOCK);
});

test('a snapshot above the stored head is not used, and goes when the log does not reach there either', async () => {
  const chain = new Chain();
  for (const logged of [2, 4]) {
    const dataDir = await chain.nodeWith(logged, 2);
    for (const block of [1, BLOCK]) await writeChainSnapshot(chain.builder, join(dataDir, 'snapshots'), { block });
    const storage = await chain.open(dataDir);
    expect(storage.snapshot?.header.number).toBe(1);
    const kept = readdirSync(join(dataDir, 'snapshots')).length;
    expect(kept).toBe(logged < BLOCK ? 1 : 2);
    await replay(storage);
    expect(storage.store.head().header.number).toBe(logged);
    await storage.close();
  }
});

test('without its snapshot an imported chain does not start, and does again with it', async () => {
  const chain = new Chain();
  const dataDir = await chain.imported();
  const [name] = readdirSync(join(dataDir, 'snapshots')) as [string];
  const path = join(dataDir, 'snapshots', name);
  writeFileSync(path, withFlippedBit(path, 200));
  await expect(chain.open(dataDir)).rejects.toMatchObject({ code: 'SNAPSHOT_MISSING' });
  await chain.import(dataDir);
  expect((await chain.open(dataDir)).snapshot?.header.number).toBe(BLOCK);
});

test('a snapshot that no sequencer of the chain signed is set aside at start', async () => {
  const chain = new Chain();
  const dataDir = await chain.nodeWith(BLOCK);
  const stranger = { ...chain.epochStarts[0], signature: new Uint8Array(65) } as EpochStart;
  await writeChainSnapshot(chain.builder, join(dataDir, 'snapshots'), { block: BLOCK, epochStarts: [stranger] });
  const storage = await chain.open(dataDir);
  expect(storage.snapshot).toBeUndefined();
  expect(readdirSync(join(dataDir, 'snapshots'))[0]).toMatch(/damaged$/);
  expect(await replay(storage)).toMatchObject({ miniBlocks: 0 });
  expect(storage.chainState.head().number).toBe(chain.lastMiniBlock);
});
