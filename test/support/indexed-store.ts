import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ChainStore } from '../../src/store/chain-store.ts';
import { type LevelDatabase, openLevel } from '../../src/store/level-database.ts';
import { IndexedRange } from '../../src/store/log-index/indexed-range.ts';
import { LogIndexDatabase } from '../../src/store/log-index/log-index-database.ts';
import { LogIndexReader } from '../../src/store/log-index/log-index-reader.ts';
import { LogIndexer } from '../../src/store/log-index/log-indexer.ts';
import { openChainStore } from '../../src/store/open-chain-store.ts';
import { numberKey, TABLE } from '../../src/store/tables.ts';
import { bytesEqual } from '../../src/util/bytes.ts';
import type { ChainBuilder } from './chain-builder.ts';
import { CapturedErrors } from './chain-store-kit.ts';
import { tempDirectory } from './temp-directory.ts';

/** A chain store that reads every sealed block from disk, with its log index and what builds that. */
export interface IndexedStore {
  readonly directory: string;
  readonly store: ChainStore;
  readonly range: IndexedRange;
  readonly indexer: LogIndexer;
  readonly index: LogIndexDatabase;
  /** The chain as the indexer reads it. */
  readonly chain: LevelDatabase;
}

/** A database in which something happens once, right before the body of a mini-block is read. */
export function interrupted(chain: LevelDatabase, miniBlockNumber: number, happen: () => Promise<void>): LevelDatabase {
  const body = numberKey(TABLE.bodies, miniBlockNumber);
  let isOver = false;
  return new Proxy(chain, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target);
      if (name !== 'get') return typeof value === 'function' ? value.bind(target) : value;
      return async (key: Uint8Array) => {
        const isDue = !isOver && bytesEqual(key, body);
        isOver ||= isDue;
        if (isDue) await happen();
        return target.get(key);
      };
    },
  });
}

export async function openIndexedStore(builder: ChainBuilder, directory = tempDirectory()): Promise<IndexedStore> {
  const index = await LogIndexDatabase.open(join(directory, 'log-index'));
  const range = new IndexedRange();
  const store = await openChainStore(
    {
      ...{ directory: join(directory, 'chain'), chainId: builder.genesis.chainId, genesisHeader: builder.genesisHeader },
      recentTransactions: 1,
    },
    { log: { read: async function* () {} }, logger: new CapturedErrors(), logIndex: new LogIndexReader(index, range) },
  );
  const chain = await openLevel(join(directory, 'chain'), { multithreading: true });
  onTestFinished(async () => {
    await chain.close();
    await index.close();
    await store.close();
  });
  return { directory, store, range, index, chain, indexer: new LogIndexer(builder.genesisHash, { chain, index }) };
}
