import { type FileHandle, open } from 'node:fs/promises';
import type { LogEntry } from '../protocol/ports/log.ts';
import { StrobeError } from '../util/errors.ts';
import { type LogSegment, RecordCursor } from './log-segment.ts';

/** A segment as reading needs it. */
export type ReadableSegment = Pick<LogSegment, 'firstNumber' | 'path' | 'end' | 'offsetBefore'>;

/** What a reader needs of a log that goes on being written. */
export interface LogSource {
  readonly segments: readonly ReadableSegment[];
  /** Changes when records are removed at the end; at the beginning segments just leave the list. */
  readonly generation: number;
}

/**
 * Streams acknowledged records from the first one with `number >= from` to the end at the time it gets there.
 * @throws StrobeError LOG_PRUNED (`meta.first`) when records from `from` on are gone, LOG_CHANGED, LOG_CORRUPT
 */
export async function* readRecords(source: LogSource, from: number): AsyncGenerator<LogEntry, void, undefined> {
  const { generation } = source;
  let segment = firstSegment(source.segments, from);
  while (segment !== undefined) segment = yield* readSegment(source, segment, from, generation);
}

/** The segment where reading begins: the last one that does not start above `from`. */
export function firstSegment(segments: readonly ReadableSegment[], from: number): ReadableSegment | undefined {
  const [oldest] = segments;
  // In front of mini-block 1 there is nothing that could be missed.
  if (oldest !== undefined && oldest.firstNumber > 1 && from < oldest.firstNumber) throw pruned(segments, from);
  return segments.findLast((segment) => segment.firstNumber <= from) ?? oldest;
}

/** Returns the segment that goes on behind this one, as it was when the last record had been read. */
async function* readSegment(
  source: LogSource,
  segment: ReadableSegment,
  from: number,
  generation: number,
): AsyncGenerator<LogEntry, ReadableSegment | undefined, undefined> {
  const assertUnchanged = (): void => {
    if (source.generation === generation) return;
    throw new StrobeError('LOG_CHANGED', 'the log was truncated while it was read');
  };
  const file = await openSegment(source, segment, assertUnchanged);
  try {
    const cursor = new RecordCursor(file, segment.offsetBefore(from));
    let newest: number | undefined;
    for (;;) {
      const limit = segment.end;
      const step = await cursor.next(limit);
      assertUnchanged();
      if (step.kind === 'end') {
        if (limit === segment.end) return nextSegment(source.segments, segment, newest);
        continue;
      }
      if (step.kind === 'bad') {
        throw new StrobeError('LOG_CORRUPT', `the log segment ${segment.path} is damaged at byte ${step.offset}`, {
          file: segment.path,
          offset: step.offset,
        });
      }
      const { number, bytes } = step.record;
      newest = number;
      // A copy: a record that someone keeps must not keep the whole chunk alive.
      if (number >= from) yield { number, bytes: new Uint8Array(bytes) };
    }
  } finally {
    await file.close();
  }
}

/** An open file outlives its removal: a reader that is inside of a segment when it is pruned reads it to its end. */
async function openSegment(source: LogSource, segment: ReadableSegment, assertUnchanged: () => void): Promise<FileHandle> {
  assertUnchanged();
  try {
    return await open(segment.path, 'r');
  } catch (error) {
    assertUnchanged();
    if (!source.segments.includes(segment)) throw pruned(source.segments, segment.firstNumber);
    throw error;
  }
}

/** @param newest number of the last record of `segment`, undefined when it has none yet */
function nextSegment(
  segments: readonly ReadableSegment[],
  segment: ReadableSegment,
  newest: number | undefined,
): ReadableSegment | undefined {
  const next = segments.find((candidate) => candidate.firstNumber > segment.firstNumber);
  // A segment begins with the mini-block behind the last one of the segment before it.
  if (next !== undefined && newest !== undefined && next.firstNumber > newest + 1) throw pruned(segments, newest + 1);
  return next;
}

function pruned(segments: readonly ReadableSegment[], from: number): StrobeError<'LOG_PRUNED'> {
  const first = segments[0]?.firstNumber;
  return new StrobeError('LOG_PRUNED', `the log begins at ${first}, ${from} is not kept any more`, { from, first });
}
