import { open } from 'node:fs/promises';
import type { LogEntry } from '../protocol/ports/log.ts';
import { StrobeError } from '../util/errors.ts';
import { type LogSegment, RecordCursor } from './log-segment.ts';

/** What a reader needs of a log that goes on being written. */
export interface LogSource {
  readonly segments: readonly LogSegment[];
  /** Changes when records are removed. */
  readonly generation: number;
}

/** Streams acknowledged records from the first one with `number >= from` to the end at the time it gets there. */
export async function* readRecords(source: LogSource, from: number): AsyncGenerator<LogEntry, void, undefined> {
  const { generation } = source;
  let segment = segmentFor(source.segments, from);
  while (segment !== undefined) {
    yield* readSegment(source, segment, from, generation);
    segment = source.segments[source.segments.indexOf(segment) + 1];
  }
}

/** The segment where reading begins: the last one that does not start above `from`. */
function segmentFor(segments: readonly LogSegment[], from: number): LogSegment | undefined {
  return segments.findLast((segment) => segment.firstNumber <= from) ?? segments[0];
}

async function* readSegment(
  source: LogSource,
  segment: LogSegment,
  from: number,
  generation: number,
): AsyncGenerator<LogEntry, void, undefined> {
  const assertUnchanged = (): void => {
    if (source.generation === generation) return;
    throw new StrobeError('LOG_CHANGED', 'the log was truncated while it was read');
  };
  assertUnchanged();
  const file = await open(segment.path, 'r').catch((error: unknown) => {
    assertUnchanged();
    throw error;
  });
  try {
    const cursor = new RecordCursor(file, segment.offsetBefore(from));
    for (;;) {
      const step = await cursor.next(segment.end);
      assertUnchanged();
      if (step.kind === 'end') return;
      if (step.kind === 'bad') {
        throw new StrobeError('LOG_CORRUPT', `the log segment ${segment.path} is damaged at byte ${step.offset}`, {
          file: segment.path,
          offset: step.offset,
        });
      }
      const { number, bytes } = step.record;
      // A copy: a record that someone keeps must not keep the whole chunk alive.
      if (number >= from) yield { number, bytes: new Uint8Array(bytes) };
    }
  } finally {
    await file.close();
  }
}
