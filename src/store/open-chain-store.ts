import type { Attestation } from '../protocol/attestation.ts';
import { type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { ChainDatabase } from './chain-database.ts';
import { genesisHead, headOf } from './chain-head.ts';
import { ChainStore } from './chain-store.ts';
import type { ChainViewModules } from './chain-view.ts';
import { openLevel } from './level-database.ts';
import type { MetaRepository } from './meta-repository.ts';

/**
 * Versions of the database format, append-only:
 * - 1 (2026-11): first
 * - 2 (2026-11): without flat state and registry, which snapshots hold; with net diffs of unverified blocks and the
 *   seal of the block that a chain begins with which was imported
 */
const DATABASE_FORMAT_VERSION = 2;

export const DEFAULT_LIMITS = {
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
  /** See ChainStoreOptions. */
  readonly recentTransactions?: number;
  /** Most blocks that one log query may span. */
  readonly maxLogBlocks?: number;
  /** Most logs that one log query may return. */
  readonly maxLogs?: number;
}

/**
 * Opens the chain database, and makes a new one.
 * @throws StrobeError LOCKED, GENESIS_MISMATCH, VERSION_NOT_SUPPORTED, DATABASE_FAILED
 */
export async function openChainStore(
  options: OpenChainStoreOptions,
  modules: Pick<ChainViewModules, 'log' | 'logger' | 'logIndex'>,
): Promise<ChainStore> {
  const { directory, genesisHeader } = options;
  // The threads of the log index and of JSON-RPC read it.
  const level = await openLevel(directory, { multithreading: true });
  try {
    const database = new ChainDatabase(level);
    const expected = hashHeader(genesisHeader);
    const found = await database.meta.genesisHash();
    if (found === undefined) await initialise(database, expected);
    else await assertCompatible(database.meta, found, expected, directory);
    const head = await storedHead(database);
    const base = await database.meta.base();
    const marks = {
      head: head === undefined ? genesisHead(genesisHeader) : headOf(head),
      base: base === undefined ? genesisHead(genesisHeader) : headOf(base),
      safe: await database.meta.number('safe'),
      finalized: await database.meta.number('finalized'),
    };
    return new ChainStore({ ...DEFAULT_LIMITS, ...options }, { ...modules, database }, marks);
  } catch (error) {
    await level.close();
    throw error;
  }
}

/** Who says that the block that a chain is to begin with is right. */
export type BeginsBy =
  /** An operator, for everything. */
  | 'operator'
  /** So many provers as the chain asks for: it is safe, and whether it is final the data availability layer has to show. */
  | readonly { readonly attestation: Attestation; readonly prover: Address }[];

/**
 * Makes a sealed block the one that the chain in `directory` begins with: head and safe, its root known to be right, on
 * an operator's word final too, and no block up to it kept. One atomic, durable step; the database may be missing or end below the block.
 * @throws StrobeError LOCKED, VERSION_NOT_SUPPORTED, DATABASE_FAILED, CHAIN_STORE_FAILED
 */
export async function beginChainAt(seal: BlockSeal, directory: string, by: BeginsBy): Promise<void> {
  const level = await openLevel(directory);
  try {
    const { number } = seal.header;
    const database = new ChainDatabase(level);
    const { meta, blocks, verification } = database;
    if ((await meta.genesisHash()) !== undefined) await assertVersion(meta, directory);
    await database.write(
      (batch) => {
        meta.putNumber(batch, 'formatVersion', DATABASE_FORMAT_VERSION);
        meta.putGenesisHash(batch, seal.genesisHash);
        meta.putBase(batch, seal);
        for (const mark of ['head', 'safe'] as const) meta.putNumber(batch, mark, number);
        if (by === 'operator') meta.putNumber(batch, 'finalized', number);
        else for (const { attestation, prover } of by) verification.putAttestation(batch, attestation, prover);
        blocks.putOldest(batch, number + 1);
        verification.putRootVerified(batch, number);
      },
      { sync: true },
    );
  } finally {
    await level.close();
  }
}

async function initialise(database: ChainDatabase, genesisHash: Hash): Promise<void> {
  await database.write(
    (batch) => {
      database.meta.putNumber(batch, 'formatVersion', DATABASE_FORMAT_VERSION);
      database.meta.putNumber(batch, 'head', 0);
      database.meta.putGenesisHash(batch, genesisHash);
    },
    { sync: true },
  );
}

/** To be called before anything is read of a database that is not new. @throws StrobeError VERSION_NOT_SUPPORTED */
export async function assertVersion(meta: MetaRepository, directory: string): Promise<void> {
  const version = (await meta.number('formatVersion')) ?? 0;
  if (version === DATABASE_FORMAT_VERSION) return;
  const remedy = version > DATABASE_FORMAT_VERSION ? 'use the newer program that wrote it' : 'remove it and synchronise again';
  throw new StrobeError(
    'VERSION_NOT_SUPPORTED',
    `the database ${directory} has format version ${version}, this program knows ${DATABASE_FORMAT_VERSION}: ${remedy}`,
    { directory, version, known: DATABASE_FORMAT_VERSION },
  );
}

async function assertCompatible(meta: MetaRepository, found: Hash, expected: Hash, directory: string): Promise<void> {
  await assertVersion(meta, directory);
  if (bytesEqual(found, expected)) return;
  throw new StrobeError(
    'GENESIS_MISMATCH',
    `the data directory ${directory} belongs to another chain: its genesis is ${toHex(found)}, the configured one ${toHex(expected)}`,
    { directory, found: toHex(found), expected: toHex(expected) },
  );
}

/** Seal of a block; undefined when it is not kept, and at genesis. */
export async function sealedBlock(
  { meta, blocks }: Pick<ChainDatabase, 'meta' | 'blocks'>,
  number: number,
): Promise<BlockSeal | undefined> {
  const base = await meta.base();
  return base?.header.number === number ? base : (await blocks.record(number))?.seal;
}

/** Seal of the newest sealed block, undefined at genesis. @throws StrobeError DATABASE_FAILED */
export async function storedHead({ meta, blocks }: Pick<ChainDatabase, 'meta' | 'blocks'>): Promise<BlockSeal | undefined> {
  const number = (await meta.number('head')) ?? 0;
  if (number === 0) return undefined;
  const seal = await sealedBlock({ meta, blocks }, number);
  if (seal !== undefined) return seal;
  throw new StrobeError('DATABASE_FAILED', 'the head block is missing from the database', { number });
}
