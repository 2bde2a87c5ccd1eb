import type { LogEntry } from '../protocol/ports/log.ts';
import { isStrobeError } from '../util/errors.ts';
import { firstSegment, type LogSource, readRecords } from './log-reader.ts';

/** Where in a log a record is to be looked for: plain data for a reader in another thread. */
export interface LogPlace {
  readonly path: string;
  readonly firstNumber: number;
  /** Offset of a record at or before the first one that is wanted. */
  readonly offset: number;
  readonly end: number;
}

/** Undefined: the log does not go back so far. */
export function locateRecord(log: Pick<LogSource, 'segments'>, number: number): LogPlace | undefined {
  try {
    const segment = firstSegment(log.segments, number);
    if (segment === undefined) return undefined;
    const { path, firstNumber, end } = segment;
    return { path, firstNumber, end, offset: segment.offsetBefore(number) };
  } catch (error) {
    if (isStrobeError(error, 'LOG_PRUNED')) return undefined;
    throw error;
  }
}

/** Places to look again in when the log was cut or pruned while it was read. */
const MAX_LOOKS = 3;

/** Reads single records of a log that another thread writes, from its files. */
export class LogFileReader {
  readonly #locate: (number: number) => Promise<LogPlace | undefined>;

  constructor(modules: { readonly locate: (number: number) => Promise<LogPlace | undefined> }) {
    this.#locate = modules.locate;
  }

  /**
   * Records from the first one with `number >= from` to the end of its segment; none when the log does not go back so far.
   * @throws StrobeError LOG_CORRUPT
   */
  async *read(from: number): AsyncGenerator<LogEntry, void, undefined> {
    for (let look = 1; ; look++) {
      const place = await this.#locate(from);
      if (place === undefined) return;
      const { path, firstNumber, end, offset } = place;
      const segments = [{ path, firstNumber, end, offsetBefore: () => offset }];
      let hasBegun = false;
      try {
        for await (const entry of readRecords({ segments, generation: 0 }, from)) {
          hasBegun = true;
          yield entry;
        }
        return;
      } catch (error) {
        // The file was removed or cut under the reader: the place is another one now, or none.
        if (hasBegun || look === MAX_LOOKS) throw error;
      }
    }
  }
}
