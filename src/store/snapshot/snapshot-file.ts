import { type FileHandle, open } from 'node:fs/promises';
import type { SnapshotLoader } from '../../protocol/ports/state-snapshot.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import { readAt } from '../log-disk.ts';
import { invalidSnapshot, onDisk, throwIfAborted } from './snapshot-errors.ts';
import { checkFileHeader, decodeFileTrailer, FILE_HEADER_BYTES, FILE_TRAILER_BYTES } from './snapshot-format.ts';
import { decodeManifest } from './snapshot-manifest.ts';
import type { SnapshotChunk, SnapshotManifest } from './snapshot-types.ts';

/** An open snapshot file whose manifest is whole; its chunks are checked as they are read. */
export class SnapshotFile {
  readonly path: string;
  readonly manifest: SnapshotManifest;
  /** The manifest as it lies in the file. */
  readonly encodedManifest: Bytes;
  /** Length of the whole file. */
  readonly bytes: number;
  readonly #file: FileHandle;
  /** Where each chunk begins. */
  readonly #offsets: readonly number[];

  private constructor(path: string, file: FileHandle, bytes: number, encodedManifest: Bytes, manifest: SnapshotManifest) {
    this.path = path;
    this.#file = file;
    this.bytes = bytes;
    this.encodedManifest = encodedManifest;
    this.manifest = manifest;
    this.#offsets = chunkOffsets(manifest);
  }

  /** @throws StrobeError INVALID_SNAPSHOT, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED */
  static async open(path: string): Promise<SnapshotFile> {
    const file = await onDisk('open', path, () => open(path, 'r'));
    try {
      return await onDisk('read', path, async () => {
        const { size } = await file.stat();
        checkFileHeader(await readAt(file, 0, FILE_HEADER_BYTES), path);
        const encoded = await readManifest(file, size, path);
        const manifest = decodeManifest(encoded, path);
        const expected = FILE_HEADER_BYTES + manifest.stateBytes + encoded.length + FILE_TRAILER_BYTES;
        if (size !== expected) throw invalidSnapshot(path, `it has ${size} bytes and should have ${expected}`);
        return new SnapshotFile(path, file, size, encoded, manifest);
      });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * The chunks in order, each read and checked when it is asked for.
   * @throws StrobeError INVALID_SNAPSHOT naming the chunk, SNAPSHOT_FAILED, ABORTED
   */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Bytes, void, undefined> {
    for (const chunk of this.manifest.chunks.keys()) {
      throwIfAborted(signal);
      const bytes = await this.chunk(chunk);
      const { length, hash } = this.manifest.chunks[chunk] as SnapshotChunk;
      if (bytes.length !== length || !bytesEqual(keccak256(bytes), hash)) {
        const offset = this.#offsets[chunk] as number;
        throw invalidSnapshot(this.path, `chunk ${chunk} at offset ${offset} is damaged`, { chunk, offset });
      }
      yield bytes;
    }
  }

  /** A chunk as it lies in the file, unchecked; empty when there is none of that number. @throws StrobeError SNAPSHOT_FAILED */
  async chunk(index: number): Promise<Bytes> {
    const offset = this.#offsets[index];
    const { length } = this.manifest.chunks[index] ?? { length: 0 };
    if (offset === undefined) return EMPTY_BYTES;
    const bytes = await onDisk(`read chunk ${index} of`, this.path, () => readAt(this.#file, offset, length));
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Where the chunks of a snapshot begin in its file. */
export function chunkOffsets({ chunks }: Pick<SnapshotManifest, 'chunks'>): number[] {
  let end = FILE_HEADER_BYTES;
  return chunks.map(({ length }) => {
    const start = end;
    end += length;
    return start;
  });
}

async function readManifest(file: FileHandle, size: number, path: string): Promise<Bytes> {
  const trailerAt = Math.max(FILE_HEADER_BYTES, size - FILE_TRAILER_BYTES);
  const trailer = decodeFileTrailer(await readAt(file, trailerAt, FILE_TRAILER_BYTES), path);
  const start = trailerAt - trailer.manifestBytes;
  if (start < FILE_HEADER_BYTES) throw invalidSnapshot(path, 'its beginning is missing');
  const encoded = await readAt(file, start, trailer.manifestBytes);
  if (!bytesEqual(keccak256(encoded), trailer.manifestDigest)) throw invalidSnapshot(path, 'its manifest is damaged');
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.length);
}

/** Opens a snapshot for the time of `use`. @throws StrobeError as {@link SnapshotFile.open} and `use` */
export async function withSnapshotFile<Result>(path: string, use: (file: SnapshotFile) => Promise<Result>): Promise<Result> {
  const file = await SnapshotFile.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/**
 * Streams a snapshot into `loader`, which has become its state when this resolves and is of no use when it rejects.
 * The seal's signature and the state root of `header` are the caller's to check.
 * @returns what a node needs besides state to go on from the snapshot
 * @throws StrobeError INVALID_SNAPSHOT naming file and chunk, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED, ABORTED
 */
export function readSnapshot(path: string, loader: SnapshotLoader, signal?: AbortSignal): Promise<SnapshotManifest> {
  return withSnapshotFile(path, async (file) => {
    await loadSnapshot(file, loader, signal);
    return file.manifest;
  });
}

/** As {@link readSnapshot}, of a file that is open. */
export async function loadSnapshot(file: SnapshotFile, loader: SnapshotLoader, signal?: AbortSignal): Promise<void> {
  for await (const chunk of file.chunks(signal)) loader.add(chunk);
  loader.finish(file.manifest.head.number, file.manifest.mark);
}
