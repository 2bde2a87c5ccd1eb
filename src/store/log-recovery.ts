import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Hash } from '../protocol/primitives.ts';
import { syncDirectory } from '../util/durable-file.ts';
import { StrobeError } from '../util/errors.ts';
import { readAt } from './log-disk.ts';
import { checkSegmentHeader, recordSize, SEGMENT_HEADER_BYTES } from './log-format.ts';
import type { LogEnd } from './log-guard.ts';
import { LogOrder } from './log-order.ts';
import { findRecord, firstNumberOf, LogSegment, RecordCursor } from './log-segment.ts';

export interface RecoveredLog {
  readonly segments: LogSegment[];
  /** Order state behind the newest record. */
  readonly order: LogOrder;
  readonly truncatedBytes: number;
  /** True when the directory held no segment at all. */
  readonly isNew: boolean;
}

export interface RecoveryOptions {
  readonly directory: string;
  readonly genesisHash: Hash;
  /** Where the log ended when it was closed cleanly. */
  readonly closedAt: LogEnd | undefined;
  /** Awaited before anything is cut. */
  readonly beforeCut: () => Promise<void>;
}

interface SegmentFacts {
  readonly segment: LogSegment;
  readonly genesisHash: Hash;
  readonly isLast: boolean;
  readonly beforeCut: () => Promise<void>;
  /** Length that is known to have been synced, 0 when unknown. */
  readonly knownSynced: number;
}

interface RecoveredSegment {
  /** Bytes of a torn tail. */
  readonly cut: number;
  /** False when no record is in it: the file goes, so that a segment's name is always its first record's number. */
  readonly usable: boolean;
}

/**
 * Checks every record of the log and cuts a torn tail.
 * @throws StrobeError LOG_CORRUPT, GENESIS_MISMATCH, VERSION_NOT_SUPPORTED
 */
export async function recoverLog({ directory, genesisHash, closedAt, beforeCut }: RecoveryOptions): Promise<RecoveredLog> {
  const names = (await readdir(directory)).filter((name) => firstNumberOf(name) !== undefined).sort();
  const recovered = { segments: [] as LogSegment[], order: new LogOrder(), truncatedBytes: 0, isNew: names.length === 0 };
  for (const [index, name] of names.entries()) {
    const segment = new LogSegment(firstNumberOf(name) as number, join(directory, name));
    const isLast = index === names.length - 1;
    const file = await open(segment.path, 'r+');
    try {
      // What a clean shutdown left was synced, whatever the records themselves say.
      const knownSynced = closedAt?.segment === name ? closedAt.bytes : 0;
      const { cut, usable } = await recoverSegment(
        file,
        { segment, genesisHash, isLast, knownSynced, beforeCut },
        recovered.order,
      );
      recovered.truncatedBytes += cut;
      if (usable) recovered.segments.push(segment);
      else await unlink(segment.path);
      if (cut > 0 || !usable) await syncDirectory(directory);
    } finally {
      await file.close();
    }
  }
  const missing = missingBytes(recovered.segments.at(-1), closedAt);
  if (missing > 0) await beforeCut();
  recovered.truncatedBytes = Math.max(recovered.truncatedBytes, missing);
  return recovered;
}

/** Bytes that were there when the log was closed and are not there now. */
function missingBytes(last: LogSegment | undefined, closedAt: LogEnd | undefined): number {
  if (closedAt === undefined || closedAt.segment === '') return 0;
  const end = last === undefined || basename(last.path) !== closedAt.segment ? 0 : last.end;
  return Math.max(0, closedAt.bytes - end);
}

async function recoverSegment(file: FileHandle, facts: SegmentFacts, order: LogOrder): Promise<RecoveredSegment> {
  const { segment, genesisHash, isLast, knownSynced, beforeCut } = facts;
  const { size } = await file.stat();
  const header = await readAt(file, 0, SEGMENT_HEADER_BYTES);
  if (!checkSegmentHeader(header, genesisHash, segment.path)) {
    // The header is synced before the first record is written: without it there can be no acknowledged record.
    if (!isLast || (await wholeRecordBehind(file, 0, size, knownSynced))) throw corrupt(segment, 0);
    if (size > 0) await beforeCut();
    return { cut: size, usable: false };
  }
  const bad = await scan(file, segment, order, size);
  const usable = segment.end > SEGMENT_HEADER_BYTES;
  if (bad === undefined) return { cut: 0, usable };
  if (!isLast || (await wholeRecordBehind(file, bad, size, knownSynced))) throw corrupt(segment, bad);
  await beforeCut();
  await file.truncate(bad);
  await file.sync();
  return { cut: size - bad, usable };
}

/** Reads all records into the index; the offset of the first broken one, undefined when all are whole. */
async function scan(file: FileHandle, segment: LogSegment, order: LogOrder, size: number): Promise<number | undefined> {
  const cursor = new RecordCursor(file, SEGMENT_HEADER_BYTES);
  for (;;) {
    const step = await cursor.next(size);
    if (step.kind === 'end') return undefined;
    if (step.kind === 'bad') return step.offset;
    if (!order.admit([step.record])) throw corrupt(segment, step.offset);
    segment.note(step.record.number, step.offset);
    segment.end = step.offset + recordSize(step.record);
  }
}

/**
 * True when a whole record lies behind the broken one at `bad` that was written after the bytes at `bad` were synced:
 * then these were damaged later. Without one they are the end of a write that never finished.
 */
async function wholeRecordBehind(file: FileHandle, bad: number, size: number, knownSynced: number): Promise<boolean> {
  const floor = bad < knownSynced ? 0 : bad;
  const mayBe = (syncedTo: number, position: number): boolean => syncedTo > floor && syncedTo <= position;
  return (await findRecord(file, bad + 1, size, { mayBe })) !== undefined;
}

function corrupt(segment: LogSegment, offset: number): StrobeError<'LOG_CORRUPT'> {
  return new StrobeError(
    'LOG_CORRUPT',
    `the log segment ${segment.path} is damaged at byte ${offset} and whole records follow: restore the log directory ` +
      'from a backup, or remove the data directory and sync again from peers or the data availability layer',
    { file: segment.path, offset },
  );
}
