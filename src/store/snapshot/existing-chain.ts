import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlockHeader, hashHeader } from '../../protocol/block-header.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { ChainDatabase } from '../chain-database.ts';
import { openLevel } from '../level-database.ts';
import { readAt } from '../log-disk.ts';
import { checkSegmentHeader, SEGMENT_HEADER_BYTES } from '../log-format.ts';
import { firstNumberOf } from '../log-segment.ts';
import { assertVersion, sealedBlock, storedHead } from '../open-chain-store.ts';
import { onDisk } from './snapshot-errors.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

export interface ChainDirectories {
  /** Of the chain database. */
  readonly chain: string;
  /** Of the write-ahead log. */
  readonly log: string;
}

interface BlockName {
  readonly number: number;
  readonly hash: Hash;
}

interface ExistingChain {
  readonly genesisHash: Hash;
  readonly head: BlockName;
  readonly safe: BlockName;
}

/** What of a chain the snapshot's has to have: all of it, or what is safe of it, and the rest is given up. */
export type KeptPart = 'head' | 'safe';

/**
 * Checks that a snapshot may be put beside what a data directory holds: nothing, or the same chain up to the snapshot's
 * block or an older one. The directory has to be locked by the caller.
 * @returns true when the chain ends with the snapshot's block already and lacks the state at most
 * @throws StrobeError GENESIS_MISMATCH, SNAPSHOT_NOT_NEWER, SNAPSHOT_OF_FORK, CHAIN_NOT_EMPTY, VERSION_NOT_SUPPORTED,
 *   DATABASE_FAILED
 */
export async function assertContinues(
  manifest: SnapshotManifest,
  directories: ChainDirectories,
  kept: KeptPart,
): Promise<boolean> {
  const hasLog = await assertLogOfChain(directories.log, manifest.genesisHash);
  const chain = await existingChain(directories.chain);
  if (chain === undefined) {
    if (!hasLog) return false;
    throw new StrobeError(
      'CHAIN_NOT_EMPTY',
      `${directories.log} has records and ${directories.chain} is missing: nothing says how far the chain has come`,
      {
        log: directories.log,
      },
    );
  }
  const { genesisHash, head } = chain;
  if (!bytesEqual(genesisHash, manifest.genesisHash)) throw otherChain(directories.chain, genesisHash, manifest);
  const { number } = manifest.header;
  if (head.number > number) {
    throw new StrobeError(
      'SNAPSHOT_NOT_NEWER',
      `the chain in ${directories.chain} is at block ${head.number}, the snapshot is of block ${number}`,
      {
        block: number,
        head: head.number,
      },
    );
  }
  const own = chain[kept];
  const ancestor = manifest.headers.find((header) => header.number === own.number);
  if (ancestor === undefined || bytesEqual(hashHeader(ancestor), own.hash)) return head.number === number;
  throw new StrobeError('SNAPSHOT_OF_FORK', `the snapshot's chain has another block ${own.number} than ${directories.chain}`, {
    block: own.number,
  });
}

/**
 * True when the chain of a data directory ends with the snapshot's block or a newer one: it needs no snapshot any more.
 * The directory has to be locked by the caller.
 * @throws StrobeError VERSION_NOT_SUPPORTED, DATABASE_FAILED
 */
export async function hasComeAsFar({ header }: SnapshotManifest, { chain }: ChainDirectories): Promise<boolean> {
  const existing = await existingChain(chain);
  return existing !== undefined && existing.head.number >= header.number;
}

/** Undefined: there is no database, or one that was never filled. */
async function existingChain(directory: string): Promise<ExistingChain | undefined> {
  // Opening a database makes one.
  if (!(await exists(join(directory, 'CURRENT')))) return undefined;
  const database = await openLevel(directory);
  try {
    const chain = new ChainDatabase(database);
    const genesisHash = await chain.meta.genesisHash();
    if (genesisHash === undefined) return undefined;
    await assertVersion(chain.meta, directory);
    const genesis = { number: 0, hash: genesisHash };
    const head = (await storedHead(chain))?.header;
    const safe = (await sealedBlock(chain, (await chain.meta.number('safe')) ?? 0))?.header;
    const nameOf = (header: BlockHeader | undefined): BlockName =>
      header === undefined ? genesis : { number: header.number, hash: hashHeader(header) };
    return { genesisHash, head: nameOf(head), safe: nameOf(safe) };
  } finally {
    await database.close();
  }
}

/** @returns whether there is a log at all */
async function assertLogOfChain(directory: string, genesisHash: Hash): Promise<boolean> {
  const names = (await exists(directory)) ? await onDisk('read', directory, () => readdir(directory)) : [];
  const first = names.filter((name) => firstNumberOf(name) !== undefined).sort()[0];
  if (first === undefined) return false;
  const path = join(directory, first);
  return onDisk('read', path, async () => {
    const file = await open(path, 'r');
    try {
      checkSegmentHeader(await readAt(file, 0, SEGMENT_HEADER_BYTES), genesisHash, path);
      return true;
    } finally {
      await file.close();
    }
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function otherChain(directory: string, found: Hash, { genesisHash }: SnapshotManifest): StrobeError<'GENESIS_MISMATCH'> {
  return new StrobeError(
    'GENESIS_MISMATCH',
    `${directory} belongs to another chain than the snapshot: its genesis is ${toHex(found)}, the snapshot's ${toHex(genesisHash)}`,
    { directory, found: toHex(found), snapshot: toHex(genesisHash) },
  );
}
