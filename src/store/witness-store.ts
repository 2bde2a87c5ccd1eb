import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { syncDirectory } from '../util/durable-file.ts';
import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';
import { type LogDisk, nodeDisk } from './log-disk.ts';
import { encodeRecordHeader } from './log-format.ts';
import {
  encodeWitnessHeader,
  MAX_WITNESS_RECORD_BYTES,
  openWitnessSegment,
  sequenceOf,
  WITNESS_RECORD,
  WitnessSegment,
  witnessSegmentName,
} from './witness-segment.ts';

export interface WitnessStoreOptions {
  readonly directory: string;
  /**
   * Bytes of files kept. Above it the segments that were written first go; the newest witness stays however large it
   * is, with the others of its segment.
   */
  readonly maxBytes: number;
}

/** Segments that share `maxBytes`: what goes at once is a small part of it. */
const SEGMENTS_PER_STORE = 16;
/** Above this a segment gains nothing: its own syncs do not count any more. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Witnesses kept however small they are: bounds the index, some 50 MB, and the time to find them at the start. */
const MAX_WITNESSES = 1_000_000;

/**
 * Witnesses of blocks for peers that ask for them, in append-only segment files.
 *
 * A put is durable when it resolves: a witness cannot be made again from the log alone, and a block whose witness
 * nobody has is never attested, nor is any block after it safe. A damaged witness reads as not kept.
 */
export class WitnessStore {
  readonly #options: WitnessStoreOptions;
  readonly #disk: LogDisk;
  readonly #segmentBytes: number;
  /** Oldest first; the newest alone may be open. */
  readonly #segments: WitnessSegment[] = [];
  /** Changes happen one after the other. */
  #queue: Promise<void> = Promise.resolve();

  private constructor(options: WitnessStoreOptions, disk: LogDisk) {
    this.#options = options;
    this.#disk = disk;
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, options.maxBytes / SEGMENTS_PER_STORE);
  }

  /**
   * Opens the directory, making it when it is missing.
   * @throws StrobeError WITNESS_STORE_FAILED, VERSION_NOT_SUPPORTED
   */
  static async open(options: WitnessStoreOptions, modules: { readonly disk?: LogDisk } = {}): Promise<WitnessStore> {
    const store = new WitnessStore(options, modules.disk ?? nodeDisk);
    await guarded('open the witness directory', () => store.#load());
    return store;
  }

  async #load(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    await syncDirectory(dirname(directory));
    for (const name of (await readdir(directory)).sort()) {
      const sequence = sequenceOf(name);
      if (sequence !== undefined) this.#segments.push(await openWitnessSegment(sequence, join(directory, name)));
    }
    await this.#removeAll(this.#segments.filter(({ count }) => count === 0));
    await this.#trim();
  }

  /** Keeps a witness, in place of an earlier one of the block. @throws StrobeError WITNESS_STORE_FAILED */
  put(blockNumber: number, witness: Bytes): Promise<void> {
    return this.#change('write a witness', async () => {
      if (witness.length >= MAX_WITNESS_RECORD_BYTES) throw new StrobeError('WITNESS_STORE_FAILED', 'it is too large');
      const segment = await this.#openSegment();
      const kind = Uint8Array.of(WITNESS_RECORD);
      // In pieces: a witness is megabytes, and a copy costs as much as its sync.
      const record = [concatBytes(encodeRecordHeader(blockNumber, [kind, witness], segment.end), kind), witness];
      // After a failure nothing is known of the end of the file: the next witness goes into a new one.
      segment.isOpen = false;
      await this.#write(segment.path, 'r+', record, segment.end);
      segment.isOpen = true;
      segment.note(blockNumber, segment.end);
      for (const piece of record) segment.end += piece.length;
      await this.#trim();
    });
  }

  /** Undefined: not kept (any more), or damaged. @throws StrobeError WITNESS_STORE_FAILED */
  async read(blockNumber: number): Promise<Bytes | undefined> {
    const segment = this.#segments.findLast((candidate) => candidate.offsetOf(blockNumber) !== undefined);
    if (segment === undefined) return undefined;
    return guarded('read a witness', async () => {
      try {
        return await segment.read(blockNumber);
      } catch (error) {
        // Dropped between the look-up and here.
        if (!this.#segments.includes(segment)) return undefined;
        throw error;
      }
    });
  }

  /**
   * Forgets the witnesses of blocks below `blockNumber`. A segment's file goes with its last witness: until then those
   * that were forgotten come back with a restart.
   * @throws StrobeError WITNESS_STORE_FAILED
   */
  prune(blockNumber: number): Promise<void> {
    return this.#change('prune witnesses', async () => {
      for (const segment of this.#segments) segment.forgetBelow(blockNumber);
      await this.#removeAll(this.#segments.filter(({ count }) => count === 0));
    });
  }

  /** Bytes of the files kept. */
  get bytes(): number {
    return this.#segments.reduce((sum, { end }) => sum + end, 0);
  }

  /** The segment that takes the next witness. */
  async #openSegment(): Promise<WitnessSegment> {
    const newest = this.#segments.at(-1);
    if (newest?.isOpen && newest.end < this.#segmentBytes) return newest;
    const { directory } = this.#options;
    const sequence = (newest?.sequence ?? 0) + 1;
    const segment = new WitnessSegment(sequence, join(directory, witnessSegmentName(sequence)));
    // Truncates what a failed try may have left.
    await this.#write(segment.path, 'w', [encodeWitnessHeader()], 0);
    await syncDirectory(directory);
    this.#segments.push(segment);
    return segment;
  }

  /** Opened and closed for each witness: that costs little beside the sync, and leaves nothing to be closed. */
  async #write(path: string, flags: 'r+' | 'w', pieces: readonly Bytes[], position: number): Promise<void> {
    const file = await open(path, flags);
    try {
      let end = position;
      for (const piece of pieces) {
        await this.#disk.write(file, piece, end);
        end += piece.length;
      }
      await this.#disk.sync(file);
    } finally {
      await file.close();
    }
  }

  async #trim(): Promise<void> {
    let { bytes } = this;
    let count = this.#segments.reduce((sum, segment) => sum + segment.count, 0);
    const dropped: WitnessSegment[] = [];
    for (const segment of this.#segments.slice(0, -1)) {
      if (bytes <= this.#options.maxBytes && count <= MAX_WITNESSES) break;
      dropped.push(segment);
      bytes -= segment.end;
      count -= segment.count;
    }
    await this.#removeAll(dropped);
  }

  async #removeAll(segments: readonly WitnessSegment[]): Promise<void> {
    for (const segment of segments) {
      await rm(segment.path, { force: true });
      this.#segments.splice(this.#segments.indexOf(segment), 1);
    }
  }

  #change(what: string, action: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => guarded(what, action));
    this.#queue = done.catch(() => {});
    return done;
  }
}

async function guarded<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    if (isStrobeError(cause, 'VERSION_NOT_SUPPORTED')) throw cause;
    throw new StrobeError('WITNESS_STORE_FAILED', `cannot ${what}: ${errorMessage(cause)}`, {}, { cause });
  }
}
