import type { Bytes } from '../../util/bytes.ts';

/** What recovery found at the end of the log. */
export interface LogRecovery {
  /** Bytes cut from a torn or corrupt tail; above 0 forces a new epoch (PROTOCOL section 6). */
  readonly truncatedBytes: number;
}

/** An encoded log record with the number it belongs to (see recordNumber). */
export interface LogEntry {
  readonly number: number;
  readonly bytes: Bytes;
}

/** The write-ahead log: encoded sequencer messages in chain order; the same bytes are gossiped and served to peers. */
export interface MiniBlockLog {
  /** Resolves when the records are durable; concurrent calls share one sync. Order of calls is order in the log. */
  append(entries: readonly LogEntry[]): Promise<void>;
  /** Records from the first one with `number >= from`, in log order. */
  read(from: number): AsyncIterable<LogEntry>;
  /** Drops every record behind mini-block `number`: the newest ones, mini-blocks and seals alike. */
  truncateAfter(number: number): Promise<void>;
  /** Number of the oldest record; undefined when there is none. */
  firstNumber(): number | undefined;
  /** Number of the newest mini-block, 0 when there is none. */
  lastNumber(): number;
}
