/**
 * `eth_getLogs` over 10,000 blocks with the log index and without, in one run; how fast the index grows and how large it
 * is. `node test/perf/log-index.ts [blocks] [logs of a block]`
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFilter } from '../../src/protocol/ports/chain.ts';
import { ChainDatabase } from '../../src/store/chain-database.ts';
import { openLevel } from '../../src/store/level-database.ts';
import { IndexedRange } from '../../src/store/log-index/indexed-range.ts';
import { LogIndexDatabase } from '../../src/store/log-index/log-index-database.ts';
import { LogIndexReader } from '../../src/store/log-index/log-index-reader.ts';
import { LogIndexer } from '../../src/store/log-index/log-indexer.ts';
import { type OpenChainStoreOptions, openChainStore } from '../../src/store/open-chain-store.ts';
import { bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { ChainBuilder } from '../support/chain-builder.ts';
import { madeUpBlock } from '../support/stored-blocks.ts';
import { signTransfer, testAccount } from '../support/test-accounts.ts';

const BLOCKS = Number(process.argv[2] ?? 10_000);
const LOGS_OF_A_BLOCK = Number(process.argv[3] ?? 100);
const HOLDERS = 20_000;
const TIMES = 5;

const TOKEN = testAccount('token').address;
const RAW = signTransfer({ from: testAccount('sender'), to: TOKEN }, 0n, 1, 1_000_000_000n);
const TRANSFER = keccak256(new TextEncoder().encode('Transfer(address,address,uint256)'));
/** Spread over the holders, the same in every run. */
const holder = (block: number, log: number, salt: number) =>
  bigIntToBytes32(BigInt((block * 7_919 + log * 104_729 + salt * 15_485_863) % HOLDERS));

async function sizeOf(directory: string): Promise<number> {
  const sizes = await Promise.all((await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function medianMs(action: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const startedMs = performance.now();
    await action();
    times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b)[Math.floor(TIMES / 2)] ?? 0;
}

/** Blocks of two mini-blocks, each with half of the logs. */
async function fill(options: OpenChainStoreOptions): Promise<void> {
  const nothing = { log: { read: async function* () {} }, logger: console };
  await (await openChainStore(options, nothing)).close();
  const database = new ChainDatabase(await openLevel(options.directory));
  for (let block = 1; block <= BLOCKS; block++) {
    const logs = Array.from({ length: LOGS_OF_A_BLOCK / 2 }, (_, log) => ({
      address: TOKEN,
      topics: [TRANSFER, holder(block, log, 1), holder(block, log, 2)],
      data: bigIntToBytes32(1n),
    }));
    await database.putBlock(madeUpBlock(block, 1, logs, RAW));
  }
  await database.close();
}

const root = await mkdtemp(join(tmpdir(), 'strobe-perf-'));
try {
  const { genesis, genesisHeader, genesisHash } = new ChainBuilder();
  const index = await LogIndexDatabase.open(join(root, 'log-index'));
  const range = new IndexedRange();
  const options = { directory: join(root, 'chain'), chainId: genesis.chainId, genesisHeader };
  await fill(options);
  const store = await openChainStore(
    { ...options, recentTransactions: 1 },
    { log: { read: async function* () {} }, logger: console, logIndex: new LogIndexReader(index, range) },
  );
  const chain = await openLevel(options.directory, { multithreading: true });
  const indexer = new LogIndexer(genesisHash, { chain, index });
  const startedMs = performance.now();
  const indexed = await indexer.add({ first: 1, last: 0 }, BLOCKS);
  const seconds = (performance.now() - startedMs) / 1_000;
  const logs = BLOCKS * LOGS_OF_A_BLOCK;
  console.log(
    `indexed ${Math.round(logs / seconds)} logs/s, ${((await sizeOf(join(root, 'log-index'))) / logs).toFixed(1)} bytes a log`,
  );

  const filter: LogFilter = { fromBlock: 1, toBlock: BLOCKS, addresses: [TOKEN], topics: [[TRANSFER], [holder(1, 0, 1)]] };
  let found = 0;
  const search = async () => {
    found = (await store.logs(filter)).length;
  };
  const plainMs = await medianMs(search);
  range.set(indexed);
  const indexedMs = await medianMs(search);
  const ratio = (plainMs / indexedMs).toFixed(0);
  console.log(
    `${found} logs of a holder in ${BLOCKS} blocks: ${indexedMs.toFixed(1)} ms by index, ${plainMs.toFixed(0)} ms by blooms (${ratio} times)`,
  );
  await chain.close();
  await store.close();
  await index.close();
} finally {
  await rm(root, { recursive: true, force: true });
}
