import { type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import { canonicalDiffCodec, type DiffCodec } from '../protocol/diff-codec.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { StateDiff } from '../protocol/state-diff.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { ChainDatabase } from './chain-database.ts';
import { type ChainHead, genesisHead, headOf } from './chain-head.ts';
import { ChainStore, type ChainStoreModules } from './chain-store.ts';
import { openLevel } from './level-database.ts';
import type { MetaRepository } from './meta-repository.ts';

/**
 * Versions of the database format, append-only:
 * - 1 (2026-11): first
 */
const DATABASE_FORMAT_VERSION = 1;

const DEFAULT_LIMITS = {
  /** About 50 MB of decoded transactions: some seconds of a busy chain, hours of a quiet one. */
  recentTransactions: 20_000,
  /** As much as hosted nodes allow; a scan of so many blooms takes a fraction of a second. */
  maxLogBlocks: 10_000,
  maxLogs: 10_000,
};

export interface OpenChainStoreOptions {
  /** The database's own directory. */
  readonly directory: string;
  readonly chainId: number;
  /** Block 0; its hash identifies the chain. */
  readonly genesisHeader: BlockHeader;
  /** State of block 0, written when the database is new. */
  readonly allocation: StateDiff;
  /** See ChainStoreOptions. */
  readonly recentTransactions?: number;
  /** Most blocks that one log query may span. */
  readonly maxLogBlocks?: number;
  /** Most logs that one log query may return. */
  readonly maxLogs?: number;
}

/**
 * Opens the chain database and fills a new one with the genesis state.
 * @throws StrobeError LOCKED, GENESIS_MISMATCH, VERSION_NOT_SUPPORTED, DATABASE_FAILED
 */
export async function openChainStore(
  options: OpenChainStoreOptions,
  modules: Pick<ChainStoreModules, 'log' | 'logger'> & { readonly codec?: DiffCodec },
): Promise<ChainStore> {
  const { directory, allocation, genesisHeader } = options;
  const level = await openLevel(directory);
  try {
    const database = new ChainDatabase(level);
    const expected = hashHeader(genesisHeader);
    const found = await database.meta.genesisHash();
    if (found === undefined) await initialise(database, expected, allocation);
    else await assertCompatible(database.meta, found, expected, directory);
    const marks = {
      head: await readHead(database, genesisHeader),
      safe: await database.meta.number('safe'),
      finalized: await database.meta.number('finalized'),
    };
    return new ChainStore({ ...DEFAULT_LIMITS, ...options }, { codec: canonicalDiffCodec, ...modules, database }, marks);
  } catch (error) {
    await level.close();
    throw error;
  }
}

async function initialise(database: ChainDatabase, genesisHash: Hash, allocation: StateDiff): Promise<void> {
  await database.write(
    async (batch, pacer) => {
      database.meta.putNumber(batch, 'formatVersion', DATABASE_FORMAT_VERSION);
      database.meta.putNumber(batch, 'head', 0);
      database.meta.putGenesisHash(batch, genesisHash);
      await database.state.putDiff(batch, allocation, pacer);
    },
    { sync: true },
  );
}

async function assertCompatible(meta: MetaRepository, found: Hash, expected: Hash, directory: string): Promise<void> {
  const version = (await meta.number('formatVersion')) ?? 0;
  if (version > DATABASE_FORMAT_VERSION) {
    throw new StrobeError(
      'VERSION_NOT_SUPPORTED',
      `the database ${directory} has format version ${version}, this program knows ${DATABASE_FORMAT_VERSION}: use the newer program that wrote it`,
      { directory, version, known: DATABASE_FORMAT_VERSION },
    );
  }
  if (bytesEqual(found, expected)) return;
  throw new StrobeError(
    'GENESIS_MISMATCH',
    `the data directory ${directory} belongs to another chain: its genesis is ${toHex(found)}, the configured one ${toHex(expected)}`,
    { directory, found: toHex(found), expected: toHex(expected) },
  );
}

async function readHead(database: ChainDatabase, header: BlockHeader): Promise<ChainHead> {
  const number = (await database.meta.number('head')) ?? 0;
  if (number === 0) return genesisHead(header);
  const record = await database.blocks.record(number);
  if (record !== undefined) return headOf(record.seal);
  throw new StrobeError('DATABASE_FAILED', 'the head block is missing from the database', { number });
}
