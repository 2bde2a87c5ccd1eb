import { join } from 'node:path';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { type LevelDatabase, openLevel } from './level-database.ts';

const MARK_KEY = new TextEncoder().encode('closedCleanly');
const UNSETTLED_KEY = new TextEncoder().encode('unsettled');
const UNSYNCED_KEY = new TextEncoder().encode('unsynced');

/**
 * What nobody has dealt with yet: an end that nobody closed (`unclean`), a tail that was cut or, since records were not synced, may be
 * lost in silence (`cut`), or a log that begins anew behind an
 * imported snapshot, so that nothing here says what was published behind it.
 */
export type Unsettled = 'unclean' | 'cut' | 'imported';

/** From the least to the most: the more covers the less. */
const SEVERITY: readonly Unsettled[] = ['unclean', 'cut', 'imported'];

/** Where a log ended when it was closed. */
export interface LogEnd {
  /** Name of the last segment; empty when there was none. */
  readonly segment: string;
  /** Length of that segment. */
  readonly bytes: number;
}

/**
 * A tiny database beside the segments. Its file lock keeps a second process out and dies with the process; in it lie
 * the mark of a clean shutdown, which is taken away as long as the log is written, and what is unsettled, which
 * outlives a process that found it and ended, cleanly or not, before it had dealt with it.
 */
export class LogGuard {
  readonly #database: LevelDatabase;
  /** The end of the log at the last clean shutdown; undefined after an unclean stop and for a new log. */
  readonly closedAt: LogEnd | undefined;
  /** True when the last process that wrote did not sync its records: a power failure may have taken some without a trace. */
  readonly wasUnsynced: boolean;
  #unsettled: Unsettled | undefined;

  private constructor(
    database: LevelDatabase,
    { closedAt, wasUnsynced }: Pick<LogGuard, 'closedAt' | 'wasUnsynced'>,
    unsettled: Unsettled | undefined,
  ) {
    this.#database = database;
    this.closedAt = closedAt;
    this.wasUnsynced = wasUnsynced;
    this.#unsettled = unsettled;
  }

  /** @throws StrobeError LOCKED, DATABASE_FAILED */
  static async acquire(directory: string): Promise<LogGuard> {
    const database = await openLevel(join(directory, 'guard'));
    const mark = await database.get(MARK_KEY);
    const unsettled = await database.get(UNSETTLED_KEY);
    return new LogGuard(
      database,
      { closedAt: mark === undefined ? undefined : decodeMark(mark), wasUnsynced: await database.has(UNSYNCED_KEY) },
      unsettled === undefined ? undefined : (new TextDecoder().decode(unsettled) as Unsettled),
    );
  }

  get unsettled(): Unsettled | undefined {
    return this.#unsettled;
  }

  /** Remembers `what` until {@link LogGuard.settle}; before it is done, since afterwards nothing shows it. */
  async note(what: Unsettled): Promise<void> {
    if (this.#unsettled !== undefined && SEVERITY.indexOf(this.#unsettled) >= SEVERITY.indexOf(what)) return;
    await this.#database.put(UNSETTLED_KEY, new TextEncoder().encode(what), { sync: true });
    this.#unsettled = what;
  }

  /** Whoever opened the log has dealt with it. */
  async settle(): Promise<void> {
    if (this.#unsettled === undefined) return;
    await this.#database.del(UNSETTLED_KEY, { sync: true });
    this.#unsettled = undefined;
  }

  /** Takes the mark away before the first write: a process that dies from here on leaves none. */
  async beginWriting(durability: 'sync' | 'os'): Promise<void> {
    const batch = this.#database.batch().del(MARK_KEY);
    if (durability === 'os') batch.put(UNSYNCED_KEY, EMPTY_BYTES);
    else batch.del(UNSYNCED_KEY);
    await batch.write({ sync: true });
  }

  /** Lets go of the lock; with `end` it leaves the mark of a clean shutdown. */
  async release(end: LogEnd | undefined): Promise<void> {
    if (end !== undefined) await this.#database.put(MARK_KEY, encodeMark(end), { sync: true });
    await this.#database.close();
  }
}

function encodeMark(end: LogEnd): Bytes {
  return new TextEncoder().encode(`${end.bytes} ${end.segment}`);
}

function decodeMark(mark: Bytes): LogEnd {
  const [bytes = '0', segment = ''] = new TextDecoder().decode(mark).split(' ');
  return { segment, bytes: Number(bytes) };
}
