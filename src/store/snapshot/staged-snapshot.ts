import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hash } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual } from '../../util/bytes.ts';
import { syncDirectory } from '../../util/durable-file.ts';
import { isStrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { nodeDisk } from '../log-disk.ts';
import { contentDigest } from './content-digest.ts';
import { onDisk } from './snapshot-errors.ts';
import { chunkOffsets, withSnapshotFile } from './snapshot-file.ts';
import { encodeFileHeader, encodeFileTrailer, FILE_HEADER_BYTES } from './snapshot-format.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

const FILE = 'incoming.snapshot';

/**
 * A snapshot that is being collected: a snapshot file whose header, manifest and trailer are there from the beginning and
 * whose chunks are written to their places in whatever order they come. What is in it after a crash is found out by
 * hashing, so nothing else has to be kept; once no chunk is missing it is a snapshot file like any other.
 */
export class StagedSnapshot {
  readonly path: string;
  readonly manifest: SnapshotManifest;
  readonly contentDigest: Hash;
  readonly #file: FileHandle;
  readonly #offsets: readonly number[];
  readonly #missing: Set<number>;
  /** Chunks on their way to the disk. */
  readonly #writing = new Map<number, Promise<void>>();
  #bytes: number;

  private constructor(path: string, file: FileHandle, manifest: SnapshotManifest, missing: Set<number>) {
    this.path = path;
    this.manifest = manifest;
    this.contentDigest = contentDigest(manifest);
    this.#file = file;
    this.#offsets = chunkOffsets(manifest);
    this.#missing = missing;
    this.#bytes = manifest.chunks.reduce((sum, { length }, index) => (missing.has(index) ? sum : sum + length), 0);
  }

  /** Begins a new one in `directory`, in place of what is there. @throws StrobeError SNAPSHOT_FAILED */
  static async create(directory: string, manifest: SnapshotManifest, encodedManifest: Bytes): Promise<StagedSnapshot> {
    await discardStaged(directory);
    const path = join(directory, FILE);
    const file = await onDisk('create', path, async () => {
      await mkdir(directory, { recursive: true });
      return open(path, 'wx+');
    });
    const staged = new StagedSnapshot(path, file, manifest, new Set(manifest.chunks.keys()));
    try {
      await onDisk('write', path, async () => {
        const manifestAt = FILE_HEADER_BYTES + manifest.stateBytes;
        await nodeDisk.write(file, encodeFileHeader(), 0);
        await nodeDisk.write(file, encodedManifest, manifestAt);
        await nodeDisk.write(file, encodeFileTrailer(encodedManifest), manifestAt + encodedManifest.length);
        await file.sync();
        await syncDirectory(directory);
      });
      return staged;
    } catch (error) {
      await staged.close();
      throw error;
    }
  }

  /** What an earlier process left in `directory`, as far as it is whole; undefined: nothing of use. @throws StrobeError SNAPSHOT_FAILED */
  static async resume(directory: string): Promise<StagedSnapshot | undefined> {
    const path = join(directory, FILE);
    if (!(await namesIn(directory)).includes(FILE)) return undefined;
    try {
      return await withSnapshotFile(path, async (source) => {
        const missing = new Set<number>();
        for (const [index, { hash }] of source.manifest.chunks.entries()) {
          if (!bytesEqual(keccak256(await source.chunk(index)), hash)) missing.add(index);
        }
        const file = await onDisk('open', path, () => open(path, 'r+'));
        return new StagedSnapshot(path, file, source.manifest, missing);
      });
    } catch (error) {
      // Killed before the manifest was whole, damaged since, or of another version of this program.
      if (!isStrobeError(error, 'INVALID_SNAPSHOT') && !isStrobeError(error, 'VERSION_NOT_SUPPORTED')) throw error;
      return undefined;
    }
  }

  /** Chunks that are not there yet, ascending. */
  missing(): readonly number[] {
    return [...this.#missing].sort((a, b) => a - b);
  }

  get missingCount(): number {
    return this.#missing.size;
  }

  has(index: number): boolean {
    return !this.#missing.has(index);
  }

  /** Bytes of the chunks that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a chunk in, which is there when this resolves; one that is there already is dropped.
   * @returns false for bytes that are not this chunk
   * @throws StrobeError SNAPSHOT_FAILED
   */
  async add(index: number, chunk: Bytes): Promise<boolean> {
    const expected = this.manifest.chunks[index];
    const offset = this.#offsets[index];
    if (expected === undefined || offset === undefined || !bytesEqual(keccak256(chunk), expected.hash)) return false;
    if (!this.#missing.has(index)) return true;
    const writing = this.#writing.get(index) ?? this.#write(index, chunk, offset);
    this.#writing.set(index, writing);
    await writing;
    return true;
  }

  async #write(index: number, chunk: Bytes, offset: number): Promise<void> {
    try {
      await onDisk('write', this.path, () => nodeDisk.write(this.#file, chunk, offset));
      this.#missing.delete(index);
      this.#bytes += chunk.length;
    } finally {
      this.#writing.delete(index);
    }
  }

  /** Makes what was added durable. @throws StrobeError SNAPSHOT_FAILED */
  async sync(): Promise<void> {
    await onDisk('sync', this.path, () => this.#file.sync());
  }

  /** The file stays for {@link StagedSnapshot.resume}. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Removes what was collected. @throws StrobeError SNAPSHOT_FAILED */
export async function discardStaged(directory: string): Promise<void> {
  await onDisk('remove', directory, () => rm(directory, { recursive: true, force: true }));
}

function namesIn(directory: string): Promise<string[]> {
  return onDisk('read', directory, () =>
    readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    }),
  );
}
