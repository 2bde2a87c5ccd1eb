import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Hash } from '../../protocol/primitives.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { syncDirectory } from '../../util/durable-file.ts';
import { isStrobeError, StrobeError } from '../../util/errors.ts';
import { invalidSnapshot, onDisk } from './snapshot-errors.ts';
import { withSnapshotFile } from './snapshot-file.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

/** A snapshot whose manifest is whole; its chunks are checked when they are read. */
export interface SnapshotEntry {
  readonly path: string;
  /** Length of the file. */
  readonly bytes: number;
  readonly manifest: SnapshotManifest;
}

export interface DamagedSnapshot {
  readonly path: string;
  readonly error: StrobeError<'INVALID_SNAPSHOT'>;
}

export interface SnapshotListing {
  /** Newest first. */
  readonly snapshots: readonly SnapshotEntry[];
  /** Files that cannot be used: for whoever lists to report. */
  readonly damaged: readonly DamagedSnapshot[];
}

/** 16 digits: the names sort like the numbers. */
const FILE_NAME = /^(\d{16})\.snapshot$/;
const PARTIAL_NAME = /^\d{16}\.snapshot\.partial$/;
const SET_ASIDE_NAME = /^\d{16}\.snapshot\.damaged$/;

/** A damaged snapshot out of the way of the others; kept for a look until a newer one is whole. */
export const SET_ASIDE_SUFFIX = '.damaged';

export function snapshotName(blockNumber: number): string {
  return `${String(blockNumber).padStart(16, '0')}.snapshot`;
}

/** Makes the directory when it is missing and removes what writers that were killed left. @throws StrobeError SNAPSHOT_FAILED */
export async function prepareDirectory(directory: string): Promise<void> {
  await onDisk('open', directory, async () => {
    await mkdir(directory, { recursive: true });
    await syncDirectory(dirname(directory));
    for (const name of await readdir(directory)) if (PARTIAL_NAME.test(name)) await rm(join(directory, name), { force: true });
  });
}

/**
 * Looks at every snapshot of a directory without changing anything. A directory that is missing has none.
 * @throws StrobeError VERSION_NOT_SUPPORTED, GENESIS_MISMATCH when one is of another chain than `genesisHash`, SNAPSHOT_FAILED
 */
export async function listSnapshots(directory: string, genesisHash?: Hash): Promise<SnapshotListing> {
  const snapshots: SnapshotEntry[] = [];
  const damaged: DamagedSnapshot[] = [];
  for (const path of await snapshotPaths(directory)) {
    try {
      const entry = await readEntry(path);
      if (genesisHash !== undefined) assertGenesis(path, entry.manifest, genesisHash);
      snapshots.push(entry);
    } catch (error) {
      if (isStrobeError(error, 'INVALID_SNAPSHOT')) damaged.push({ path, error });
      // One that was removed since the directory was read is no snapshot any more.
      else if (!isMissing(error)) throw error;
    }
  }
  return { snapshots, damaged };
}

/** Files that are called like snapshots, newest first. @throws StrobeError SNAPSHOT_FAILED */
export function snapshotPaths(directory: string): Promise<string[]> {
  return paths(directory, FILE_NAME);
}

/** Damaged snapshots that were set aside. */
export function setAsidePaths(directory: string): Promise<string[]> {
  return paths(directory, SET_ASIDE_NAME);
}

/** Newest first. */
async function paths(directory: string, pattern: RegExp): Promise<string[]> {
  const names = await onDisk('read', directory, () =>
    readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    }),
  );
  const found = names.filter((name) => pattern.test(name)).sort();
  return found.reverse().map((name) => join(directory, name));
}

async function readEntry(path: string): Promise<SnapshotEntry> {
  const entry = await withSnapshotFile(path, async ({ bytes, manifest }): Promise<SnapshotEntry> => ({ path, bytes, manifest }));
  const { number } = entry.manifest.header;
  if (basename(path) !== snapshotName(number)) throw invalidSnapshot(path, `it is of block ${number} and has another name`);
  return entry;
}

/** @throws StrobeError GENESIS_MISMATCH */
export function assertGenesis(path: string, { genesisHash }: Pick<SnapshotManifest, 'genesisHash'>, expected: Hash): void {
  if (bytesEqual(genesisHash, expected)) return;
  throw new StrobeError(
    'GENESIS_MISMATCH',
    `the snapshot ${path} belongs to another chain: its genesis is ${toHex(genesisHash)}`,
    {
      file: path,
      found: toHex(genesisHash),
      expected: toHex(expected),
    },
  );
}

function isMissing(error: unknown): boolean {
  return isStrobeError(error, 'SNAPSHOT_FAILED') && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
