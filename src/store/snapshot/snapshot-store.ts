import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotLoader, StateSnapshot } from '../../protocol/ports/state-snapshot.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { syncDirectory } from '../../util/durable-file.ts';
import { StrobeError } from '../../util/errors.ts';
import { type LogDisk, nodeDisk } from '../log-disk.ts';
import {
  assertGenesis,
  listSnapshots,
  prepareDirectory,
  SET_ASIDE_SUFFIX,
  type SnapshotEntry,
  type SnapshotListing,
  setAsidePaths,
  snapshotName,
} from './snapshot-directory.ts';
import { invalidSnapshot, onDisk, throwIfAborted } from './snapshot-errors.ts';
import { readSnapshot, type SnapshotFile } from './snapshot-file.ts';
import { createManifest, encodeManifest } from './snapshot-manifest.ts';
import type { SnapshotManifest, SnapshotPoint } from './snapshot-types.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { WriteRate } from './write-rate.ts';

export interface SnapshotStoreOptions {
  readonly directory: string;
  readonly genesisHash: Hash;
  /** Snapshots kept, the newest ones; at least 1. */
  readonly keep?: number;
}

export interface SnapshotStoreModules {
  readonly disk?: LogDisk;
  /** ms since 1970. */
  readonly now?: () => number;
}

export interface WriteSnapshotOptions {
  /** About how long a chunk is: what one step packs, hashes and writes. */
  readonly chunkBytes?: number;
  /** Bound on the disk's load; none unless given. */
  readonly bytesPerSecond?: number;
  readonly signal?: AbortSignal;
}

/** The one behind the newest is there for when that turns out to be damaged. */
const DEFAULT_KEEP = 2;
/** A few ms of work. */
const DEFAULT_CHUNK_BYTES = 1024 * 1024;

/**
 * Snapshots of flat state, one file each, of one chain. Any number of processes and threads may list and read; one at
 * a time opens and writes. Nothing about the files is kept in memory, so they all see the same.
 */
export class SnapshotStore {
  readonly directory: string;
  readonly #genesisHash: Hash;
  readonly #keep: number;
  readonly #disk: LogDisk;
  readonly #now: () => number;
  #writing = false;

  private constructor(options: SnapshotStoreOptions, { disk = nodeDisk, now = Date.now }: SnapshotStoreModules) {
    this.directory = options.directory;
    this.#genesisHash = options.genesisHash;
    this.#keep = options.keep ?? DEFAULT_KEEP;
    this.#disk = disk;
    this.#now = now;
  }

  /**
   * Makes the directory when it is missing and removes what a killed writer left; the writer's to call.
   * @throws StrobeError GENESIS_MISMATCH, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED
   */
  static async open(options: SnapshotStoreOptions, modules: SnapshotStoreModules = {}): Promise<SnapshotStore> {
    if ((options.keep ?? DEFAULT_KEEP) < 1) throw new StrobeError('INVALID_OPTION', 'at least one snapshot is kept');
    await prepareDirectory(options.directory);
    const store = new SnapshotStore(options, modules);
    await store.list();
    return store;
  }

  /** @throws StrobeError GENESIS_MISMATCH, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED */
  list(): Promise<SnapshotListing> {
    return listSnapshots(this.directory, this.#genesisHash);
  }

  /** The newest one with a whole manifest; damaged ones only {@link SnapshotStore.list} tells. @throws as it does */
  async newest(): Promise<SnapshotEntry | undefined> {
    return (await this.list()).snapshots[0];
  }

  /**
   * Writes the snapshot of a sealed block, whole and durable when this resolves. Only then do the oldest above those
   * kept go, and damaged ones with them.
   * @throws StrobeError SNAPSHOT_FAILED, SNAPSHOT_OUTRUN (from the state), SNAPSHOT_NOT_NEWER, SNAPSHOT_BUSY, ABORTED,
   *   GENESIS_MISMATCH, INVALID_SNAPSHOT when `point` and `snapshot` are not of one block
   */
  async write(point: SnapshotPoint, snapshot: StateSnapshot, options: WriteSnapshotOptions = {}): Promise<SnapshotManifest> {
    const { chunkBytes = DEFAULT_CHUNK_BYTES, bytesPerSecond = Number.POSITIVE_INFINITY, signal } = options;
    const path = this.#pathOf(point.headers.at(-1)?.number ?? 0);
    if (snapshot.number !== point.head.number) throw invalidSnapshot(path, `its state is of mini-block ${snapshot.number}`);
    const describe = (chunks: SnapshotManifest['chunks']): SnapshotManifest =>
      createManifest(point, { mark: snapshot.mark, chunks, createdAtMs: this.#now() }, path);
    // Parts that do not fit show before the work is done and not behind it.
    let manifest = describe([]);
    await this.#write(manifest, async (writer) => {
      const rate = new WriteRate(bytesPerSecond);
      throwIfAborted(signal);
      for (const chunk of snapshot.chunks(chunkBytes)) {
        await writer.add(chunk);
        await rate.spent(chunk.length, signal);
      }
      manifest = describe(writer.chunks);
      return encodeManifest(manifest);
    });
    return manifest;
  }

  /**
   * Takes a snapshot in from elsewhere, byte for byte; every chunk is checked before it is there.
   * @throws StrobeError GENESIS_MISMATCH, SNAPSHOT_NOT_NEWER, INVALID_SNAPSHOT, SNAPSHOT_FAILED, SNAPSHOT_BUSY, ABORTED
   */
  async take(source: SnapshotFile, signal?: AbortSignal): Promise<SnapshotEntry> {
    const path = this.#pathOf(source.manifest.header.number);
    await this.#write(source.manifest, (writer) => copyChunks(source, writer, signal));
    return { path, bytes: source.bytes, manifest: source.manifest };
  }

  /**
   * Takes over a whole snapshot file of the same file system, which leaves its place.
   * @throws StrobeError GENESIS_MISMATCH, SNAPSHOT_NOT_NEWER, SNAPSHOT_FAILED, SNAPSHOT_BUSY
   */
  async adopt({ path: source, manifest }: Pick<SnapshotEntry, 'path' | 'manifest'>): Promise<void> {
    await this.#add(manifest, (path) =>
      onDisk('take over', source, async () => {
        await rename(source, path);
        await syncDirectory(this.directory);
      }),
    );
  }

  /**
   * As {@link SnapshotStore.adopt}, in place of all of this block and later ones.
   * @throws StrobeError GENESIS_MISMATCH, SNAPSHOT_FAILED
   */
  async replaceBy({ path: source, manifest }: Pick<SnapshotEntry, 'path' | 'manifest'>): Promise<void> {
    const { number } = manifest.header;
    const path = this.#pathOf(number);
    assertGenesis(path, manifest, this.#genesisHash);
    await onDisk('take over', source, async () => {
      await rename(source, path);
      await syncDirectory(this.directory);
    });
    // After a crash in between the newer ones are still there, as if nothing had happened.
    await this.removeAbove(number);
  }

  /** Streams the chunks into `loader`; see {@link readSnapshot}. */
  read(entry: SnapshotEntry, loader: SnapshotLoader, signal?: AbortSignal): Promise<SnapshotManifest> {
    return readSnapshot(entry.path, loader, signal);
  }

  /** Takes a snapshot that turned out to be damaged out of the list; the file goes when a newer one is whole. */
  async setAside({ path }: Pick<SnapshotEntry, 'path'>): Promise<void> {
    await onDisk('set aside', path, async () => {
      await rename(path, path + SET_ASIDE_SUFFIX);
      await syncDirectory(this.directory);
    });
  }

  /** Removes snapshots above a block to which the chain went back. @throws StrobeError as {@link SnapshotStore.list} */
  async removeAbove(blockNumber: number): Promise<void> {
    const { snapshots } = await this.list();
    await this.#remove(snapshots.filter(({ manifest }) => manifest.header.number > blockNumber).map(({ path }) => path));
  }

  #write(manifest: SnapshotManifest, fill: Parameters<typeof SnapshotWriter.write>[2]): Promise<void> {
    return this.#add(manifest, (path) => SnapshotWriter.write(path, this.#disk, fill));
  }

  /** @param put makes the file at its path, whole and durable */
  async #add(manifest: SnapshotManifest, put: (path: string) => Promise<void>): Promise<void> {
    if (this.#writing) throw new StrobeError('SNAPSHOT_BUSY', 'another snapshot is being written');
    this.#writing = true;
    try {
      const path = this.#pathOf(manifest.header.number);
      assertGenesis(path, manifest, this.#genesisHash);
      await this.#assertNewest(manifest);
      await put(path);
      await this.#trim(path);
    } finally {
      this.#writing = false;
    }
  }

  /** An older one would be the first to be removed again. */
  async #assertNewest({ header }: SnapshotManifest): Promise<void> {
    const newest = (await this.newest())?.manifest.header.number ?? 0;
    if (header.number >= newest) return;
    throw new StrobeError('SNAPSHOT_NOT_NEWER', `the snapshot is of block ${header.number}, there is one of block ${newest}`, {
      block: header.number,
      newest,
    });
  }

  /** Removes what the new snapshot at `path` makes superfluous. */
  async #trim(path: string): Promise<void> {
    const { snapshots, damaged } = await this.list();
    // Looked at once more before the older ones go: a disk may have lied.
    if (!snapshots.some((entry) => entry.path === path)) throw invalidSnapshot(path, 'it is not what was written');
    const surplus = [...snapshots.slice(this.#keep), ...damaged].map(({ path }) => path);
    await this.#remove([...surplus, ...(await setAsidePaths(this.directory))]);
  }

  async #remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await onDisk('remove old snapshots from', this.directory, async () => {
      for (const path of paths) await rm(path, { force: true });
      await syncDirectory(this.directory);
    });
  }

  #pathOf(blockNumber: number): string {
    return join(this.directory, snapshotName(blockNumber));
  }
}

/** Copies a snapshot to another file, checking each chunk. @throws StrobeError INVALID_SNAPSHOT, SNAPSHOT_FAILED, ABORTED */
export function copySnapshot(source: SnapshotFile, path: string, signal?: AbortSignal): Promise<void> {
  return SnapshotWriter.write(path, nodeDisk, (writer) => copyChunks(source, writer, signal));
}

async function copyChunks(source: SnapshotFile, writer: SnapshotWriter, signal: AbortSignal | undefined) {
  for await (const chunk of source.chunks(signal)) await writer.add(chunk);
  return source.encodedManifest;
}
