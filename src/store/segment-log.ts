import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LogEntry, LogRecovery, MiniBlockLog } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import { syncDirectory } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { type LogDisk, nodeDisk } from './log-disk.ts';
import { encodeSegmentHeader, isMiniBlockRecord, MAX_RECORD_BYTES, recordSize, writeRecord } from './log-format.ts';
import { LogGuard, type Unsettled } from './log-guard.ts';
import type { LogOrder } from './log-order.ts';
import { type LogSource, readRecords } from './log-reader.ts';
import { recoverLog } from './log-recovery.ts';
import { LogSegment, RecordCursor, segmentName } from './log-segment.ts';

export interface SegmentLogOptions {
  /** The log's own directory; created when it is not there. */
  readonly directory: string;
  readonly genesisHash: Hash;
  /** `sync`: appends resolve when the medium has them; `os`: when the operating system has them. */
  readonly durability: 'sync' | 'os';
  /** Length at which a segment is full, bytes. */
  readonly segmentBytes?: number;
  /** Record bytes that may wait to be written; beyond it appends are refused, so a stuck disk costs bounded memory. */
  readonly maxQueuedBytes?: number;
}

export interface SegmentLogRecovery extends LogRecovery {
  /** False after a crash or kill, and when bytes were lost; true for a new log. */
  readonly cleanShutdown: boolean;
}

/** Small enough to copy and remove a segment at ease, large enough that rotation's syncs do not count. */
const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Offsets in the format are 32 bits; the rest is room for the last group. */
const MAX_SEGMENT_BYTES = 2 * 1024 * 1024 * 1024;
const DEFAULT_MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** Most bytes written under one sync: bounds the buffer and the time until the first of them is answered. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024;

interface Operation {
  /** Undefined: a truncation. */
  readonly entries: readonly LogEntry[] | undefined;
  readonly bytes: number;
  readonly truncateAfter: number;
  readonly resolve: () => void;
  readonly reject: (error: StrobeError) => void;
}

/**
 * The write-ahead log in segment files. One writer: appends that come while a write is under way share the next
 * write and sync. After a failed write or sync nothing is known of the tail, so every later append is refused.
 */
export class SegmentLog implements MiniBlockLog, LogSource {
  readonly #options: Required<SegmentLogOptions>;
  readonly #disk: LogDisk;
  readonly #guard: LogGuard;
  readonly #order: LogOrder;
  readonly segments: LogSegment[];
  generation = 0;
  readonly #queue: Operation[] = [];
  #queuedBytes = 0;
  #worker: Promise<void> | undefined;
  /** Segments are removed by one at a time, at the beginning or at the end; never rejects. */
  #removals: Promise<void> = Promise.resolve();
  #isRemovalUnsynced = false;
  #file: FileHandle | undefined;
  /** Length of the tail that is known to be on the medium. */
  #syncedTo = 0;
  /** Newest mini-block that is durable; the order runs ahead of it while a group is written. */
  #lastNumber: number;
  #failure: StrobeError | undefined;

  private constructor(
    options: Required<SegmentLogOptions>,
    disk: LogDisk,
    guard: LogGuard,
    segments: LogSegment[],
    order: LogOrder,
  ) {
    this.#options = options;
    this.#disk = disk;
    this.#guard = guard;
    this.segments = segments;
    this.#order = order;
    this.#lastNumber = order.lastMiniBlock;
  }

  /**
   * Locks the directory, checks every record and cuts a torn tail.
   * @throws StrobeError LOCKED, LOG_CORRUPT (with file, offset and remedy), GENESIS_MISMATCH, VERSION_NOT_SUPPORTED
   */
  static async open(
    options: SegmentLogOptions,
    modules: { readonly disk?: LogDisk } = {},
  ): Promise<{ log: SegmentLog; recovery: SegmentLogRecovery }> {
    const full = { segmentBytes: DEFAULT_SEGMENT_BYTES, maxQueuedBytes: DEFAULT_MAX_QUEUED_BYTES, ...options };
    if (full.segmentBytes > MAX_SEGMENT_BYTES) throw new StrobeError('INVALID_OPTION', 'segmentBytes is above 2 GiB');
    await mkdir(options.directory, { recursive: true });
    await syncDirectory(dirname(options.directory));
    const guard = await LogGuard.acquire(options.directory);
    try {
      const { directory, genesisHash } = options;
      const { closedAt } = guard;
      const recovered = await recoverLog({ directory, genesisHash, closedAt, beforeCut: () => guard.note('cut') });
      const { segments, order, truncatedBytes, isNew } = recovered;
      const log = new SegmentLog(full, modules.disk ?? nodeDisk, guard, segments, order);
      const isClean = closedAt !== undefined || isNew;
      if (!isClean) await guard.note(guard.wasUnsynced ? 'cut' : 'unclean');
      await guard.beginWriting(options.durability);
      await log.#openTail();
      return { log, recovery: { truncatedBytes, cleanShutdown: isClean && truncatedBytes === 0 } };
    } catch (error) {
      await guard.release(undefined);
      throw error;
    }
  }

  /** @throws StrobeError LOG_FAILED, LOG_CLOSED, LOG_QUEUE_FULL, LOG_OUT_OF_ORDER, LOG_RECORD_SIZE */
  append(entries: readonly LogEntry[]): Promise<void> {
    const bytes = entries.reduce((sum, entry) => sum + recordSize(entry), 0);
    if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes && this.#queue.length > 0) {
      return Promise.reject(
        new StrobeError('LOG_QUEUE_FULL', 'the disk does not keep up with the log', { bytes: this.#queuedBytes }),
      );
    }
    return this.#enqueue({ entries, bytes, truncateAfter: 0 });
  }

  /** The record at `number` itself stays, and so does a seal or epoch start right behind it. */
  truncateAfter(number: number): Promise<void> {
    return this.#enqueue({ entries: undefined, bytes: 0, truncateAfter: number });
  }

  /**
   * Removes whole segments, oldest first, all of whose records lie below mini-block `number`; never the newest one.
   * Appends go on meanwhile. Whatever a crash leaves is a whole end of the log.
   * @throws StrobeError LOG_PRUNE_FAILED, LOG_FAILED, LOG_CLOSED
   */
  prune(number: number): Promise<void> {
    return this.#removing(() => this.#prune(number));
  }

  /**
   * Behind a log that begins above mini-block 1 its older records are gone: reading them is refused.
   * @throws StrobeError LOG_PRUNED (`meta.first`: the first number kept), LOG_CORRUPT, LOG_CHANGED when the log was
   * truncated meanwhile
   */
  read(from: number): AsyncIterable<LogEntry> {
    return readRecords(this, from);
  }

  /** Number of the oldest record, undefined while there is none. */
  firstNumber(): number | undefined {
    return this.segments[0]?.firstNumber;
  }

  lastNumber(): number {
    return this.#lastNumber;
  }

  /** Length of all segments. */
  get bytes(): number {
    return this.segments.reduce((sum, { end }) => sum + end, 0);
  }

  /** What this open or an earlier one found and nobody has dealt with since; undefined when all is as it was left. */
  get unsettled(): Unsettled | undefined {
    return this.#guard.unsettled;
  }

  /** What was unsettled has been dealt with: a start that fails before this finds it again. */
  settle(): Promise<void> {
    return this.#guard.settle();
  }

  /** Writes what is queued, marks the shutdown as clean unless the log failed, and unlocks the directory. */
  async close(): Promise<void> {
    await this.#worker;
    if (this.#failure?.code === 'LOG_CLOSED') return;
    let isWhole = this.#failure === undefined;
    this.#failure = new StrobeError('LOG_CLOSED', 'the log is closed');
    try {
      if (isWhole && this.#file !== undefined) await this.#disk.sync(this.#file);
    } catch (cause) {
      isWhole = false;
      throw new StrobeError('LOG_FAILED', `the log cannot be closed: ${errorMessage(cause)}`, {}, { cause });
    } finally {
      await this.#file?.close();
      // The lock stays until the removal under way is over; no other begins.
      await this.#removals;
      const last = this.segments.at(-1);
      const end = { segment: last === undefined ? '' : basename(last.path), bytes: last?.end ?? 0 };
      await this.#guard.release(isWhole ? end : undefined);
    }
  }

  #enqueue(operation: Omit<Operation, 'resolve' | 'reject'>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ ...operation, resolve, reject });
    this.#queuedBytes += operation.bytes;
    this.#worker ??= this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    // One turn of the microtask queue, so that appends made in the same tick share the first write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      try {
        const [first] = group;
        if (first === undefined) continue;
        if (first.entries === undefined) await this.#removing(() => this.#truncate(first.truncateAfter));
        else await this.#write(group.flatMap((operation) => operation.entries ?? []));
      } catch (error) {
        this.#fail(error, group);
      }
      for (const operation of group) operation.resolve();
    }
    // In the same turn that found the queue empty: an append after it starts a new worker.
    this.#worker = undefined;
  }

  /** The next operations that can be done together: one truncation, or appends up to the bound of a group. */
  #takeGroup(): Operation[] {
    const group: Operation[] = [];
    let bytes = 0;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (group.length > 0 && (next.entries === undefined || bytes + next.bytes > MAX_GROUP_BYTES)) break;
      this.#queue.shift();
      this.#queuedBytes -= next.bytes;
      if (next.entries === undefined) return [next];
      const problem = this.#problemOf(next.entries);
      if (problem === undefined) group.push(next);
      else next.reject(problem);
      bytes += next.bytes;
    }
    return group;
  }

  #problemOf(entries: readonly LogEntry[]): StrobeError | undefined {
    if (entries.some(({ bytes }) => bytes.length === 0 || bytes.length > MAX_RECORD_BYTES)) {
      return new StrobeError('LOG_RECORD_SIZE', `a record has 1 to ${MAX_RECORD_BYTES} bytes`);
    }
    if (this.#order.admit(entries)) return undefined;
    return new StrobeError('LOG_OUT_OF_ORDER', 'the records do not continue the log', {
      first: entries[0]?.number,
      lastMiniBlock: this.#order.lastMiniBlock,
    });
  }

  async #write(entries: readonly LogEntry[]): Promise<void> {
    const [first] = entries;
    if (first === undefined) return;
    const { file, segment } = await this.#fileFor(first);
    const buffer = Buffer.allocUnsafeSlow(entries.reduce((sum, entry) => sum + recordSize(entry), 0));
    const offsets: number[] = [];
    let filled = 0;
    for (const entry of entries) {
      offsets.push(segment.end + filled);
      filled = writeRecord(buffer, filled, entry, this.#syncedTo);
    }
    await this.#disk.write(file, buffer, segment.end);
    if (this.#options.durability === 'sync') {
      await this.#disk.sync(file);
      this.#syncedTo = segment.end + filled;
    }
    for (const [index, entry] of entries.entries()) segment.note(entry.number, offsets[index] as number);
    segment.end += filled;
    this.#lastNumber = this.#order.lastMiniBlock;
  }

  /** The open tail, or a new segment when there is none or it is full. */
  async #fileFor(first: LogEntry): Promise<{ file: FileHandle; segment: LogSegment }> {
    const tail = this.segments.at(-1);
    // Only a mini-block begins a segment: its number is above every older one, so names stay unique and sorted.
    const isFull = tail !== undefined && tail.end >= this.#options.segmentBytes && isMiniBlockRecord(first.bytes);
    if (tail !== undefined && this.#file !== undefined && !isFull) return { file: this.#file, segment: tail };
    if (this.#file !== undefined) {
      // Whole before the next one exists: damage to it is then never taken for a torn tail.
      await this.#disk.sync(this.#file);
      await this.#file.close();
      this.#file = undefined;
    }
    const segment = new LogSegment(first.number, join(this.#options.directory, segmentName(first.number)));
    this.#file = await open(segment.path, 'wx+');
    await this.#disk.write(this.#file, encodeSegmentHeader(this.#options.genesisHash), 0);
    await this.#disk.sync(this.#file);
    await syncDirectory(this.#options.directory);
    this.#syncedTo = segment.end;
    this.segments.push(segment);
    return { file: this.#file, segment };
  }

  #removing(action: () => Promise<void>): Promise<void> {
    const removed = this.#removals.then(action);
    this.#removals = removed.catch(() => undefined);
    return removed;
  }

  async #prune(below: number): Promise<void> {
    const { segments } = this;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      // One by one: were two removals on their way to the disk, a crash might leave a gap.
      if (this.#isRemovalUnsynced) await syncDirectory(this.#options.directory);
      this.#isRemovalUnsynced = false;
      const [oldest, next] = segments;
      // Records that stand in front of mini-block 1 alone are kept: a log that begins with it counts as whole.
      if (oldest === undefined || next === undefined || next.firstNumber > below || next.firstNumber === 1) return;
      await this.#removeOldest(oldest);
      this.#order.pruneBelow(next.firstNumber);
    }
  }

  async #removeOldest(oldest: LogSegment): Promise<void> {
    // Out of the readers' sight before the file goes.
    this.segments.shift();
    try {
      await unlink(oldest.path);
    } catch (cause) {
      this.segments.unshift(oldest);
      throw new StrobeError('LOG_PRUNE_FAILED', `cannot remove a log segment: ${errorMessage(cause)}`, {}, { cause });
    }
    this.#isRemovalUnsynced = true;
  }

  async #truncate(number: number): Promise<void> {
    const { segments } = this;
    let tail = segments.at(-1);
    if (tail === undefined) return;
    this.generation++;
    await this.#file?.close();
    this.#file = undefined;
    while (tail !== undefined && tail.firstNumber > number) {
      segments.pop();
      await unlink(tail.path);
      // One by one, newest first: whatever a crash leaves is a whole beginning of the log.
      await syncDirectory(this.#options.directory);
      tail = segments.at(-1);
    }
    if (tail !== undefined) tail.cutAt(await firstOffsetAbove(tail, number));
    await this.#openTail();
    this.#order.truncate(number, tail === undefined);
    this.#lastNumber = this.#order.lastMiniBlock;
  }

  /** Opens the newest segment for writing, ends it where its last record ends, and syncs it. */
  async #openTail(): Promise<void> {
    const tail = this.segments.at(-1);
    if (tail === undefined) return;
    this.#file = await open(tail.path, 'r+');
    await this.#file.truncate(tail.end);
    await this.#disk.sync(this.#file);
    this.#syncedTo = tail.end;
  }

  #fail(cause: unknown, group: readonly Operation[]): void {
    const failure = new StrobeError('LOG_FAILED', `the log cannot be written: ${errorMessage(cause)}`, {}, { cause });
    this.#failure = failure;
    for (const operation of [...group, ...this.#queue.splice(0)]) operation.reject(failure);
    this.#queuedBytes = 0;
  }
}

/** Offset of the first record with a number above `number`; the end when there is none. */
async function firstOffsetAbove(segment: LogSegment, number: number): Promise<number> {
  const file = await open(segment.path, 'r');
  try {
    const cursor = new RecordCursor(file, segment.offsetBefore(number + 1));
    for (;;) {
      const step = await cursor.next(segment.end);
      if (step.kind === 'end') return segment.end;
      if (step.kind === 'bad') throw new StrobeError('LOG_CORRUPT', 'a record is damaged', { offset: step.offset });
      if (step.record.number > number) return step.offset;
    }
  } finally {
    await file.close();
  }
}
