import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Bytes } from '../../util/bytes.ts';
import { syncDirectory } from '../../util/durable-file.ts';
import { StrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import type { LogDisk } from '../log-disk.ts';
import { onDisk } from './snapshot-errors.ts';
import { encodeFileHeader, encodeFileTrailer, MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_MANIFEST_BYTES } from './snapshot-format.ts';
import type { SnapshotChunk } from './snapshot-types.ts';

/** What a file is called until it is whole. */
const PARTIAL_SUFFIX = '.partial';

/** Bytes written between two syncs: one sync of everything at the end would hold up those of the log behind it. */
const SYNC_BYTES = 8 * 1024 * 1024;

/** Writes one snapshot file, under a partial name until {@link SnapshotWriter.finish}. */
export class SnapshotWriter {
  readonly chunks: SnapshotChunk[] = [];
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #disk: LogDisk;
  #position = 0;
  #syncedTo = 0;

  private constructor(path: string, file: FileHandle, disk: LogDisk) {
    this.#path = path;
    this.#file = file;
    this.#disk = disk;
  }

  /**
   * Makes the file at `path` out of what `fill` adds and the manifest that it returns, encoded: there whole and durable
   * when this resolves, and after a crash whole or not at all.
   * @throws StrobeError SNAPSHOT_FAILED, and what `fill` throws
   */
  static async write(path: string, disk: LogDisk, fill: (writer: SnapshotWriter) => Promise<Bytes>): Promise<void> {
    const partial = path + PARTIAL_SUFFIX;
    const file = await onDisk('create', partial, () => open(partial, 'w'));
    const writer = new SnapshotWriter(path, file, disk);
    try {
      await writer.#append(encodeFileHeader());
      await writer.#finish(await fill(writer));
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    await onDisk('name', path, async () => {
      await rename(partial, path);
      await syncDirectory(dirname(path));
    });
  }

  /** The chunk's memory is free again when this resolves. @throws StrobeError SNAPSHOT_FAILED */
  async add(chunk: Bytes): Promise<void> {
    if (chunk.length > MAX_CHUNK_BYTES || this.chunks.length === MAX_CHUNKS) {
      throw new StrobeError('SNAPSHOT_FAILED', 'the state does not fit the format of snapshots', {
        chunk: this.chunks.length,
        length: chunk.length,
      });
    }
    this.chunks.push({ length: chunk.length, hash: keccak256(chunk) });
    await this.#append(chunk);
    if (this.#position - this.#syncedTo >= SYNC_BYTES) await this.#sync();
  }

  async #finish(manifest: Bytes): Promise<void> {
    if (manifest.length > MAX_MANIFEST_BYTES) {
      throw new StrobeError('SNAPSHOT_FAILED', 'the manifest is too long', { length: manifest.length });
    }
    await this.#append(manifest);
    await this.#append(encodeFileTrailer(manifest));
    await this.#sync();
  }

  async #append(bytes: Bytes): Promise<void> {
    await onDisk('write', this.#path, () => this.#disk.write(this.#file, bytes, this.#position));
    this.#position += bytes.length;
  }

  async #sync(): Promise<void> {
    await onDisk('sync', this.#path, () => this.#disk.sync(this.#file));
    this.#syncedTo = this.#position;
  }
}
