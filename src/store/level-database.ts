import { ClassicLevel } from 'classic-level';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

/** A classic-level database of byte keys and values. */
export type LevelDatabase = ClassicLevel<Bytes, Bytes>;

/** Writes that take effect together; filling one costs below 1 µs a key, where an array of operations costs 3 µs. */
export type LevelBatch = ReturnType<LevelDatabase['batch']>;

/** The database hands out Buffers, whose `slice` shares memory where that of a Uint8Array copies: only views leave it. */
const BYTES_ENCODING = {
  name: 'strobe-bytes',
  format: 'view' as const,
  encode: (bytes: Bytes): Bytes => bytes,
  decode: (bytes: Bytes): Bytes => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
};

/** What this thread has open and others may share: LevelDB itself would give a second owner the same database. */
const owned = new Set<string>();

/**
 * Opens or creates the database at `path`. Its lock belongs to the process and dies with it, `kill -9` included. Other
 * threads of the process may open it with {@link openLevelShared}.
 * @throws StrobeError LOCKED when another process (or this one) has it open, DATABASE_FAILED
 */
export async function openLevel(path: string): Promise<LevelDatabase> {
  if (owned.has(path)) throw locked(path);
  owned.add(path);
  try {
    const database = await openLevelShared(path);
    database.once('closed', () => owned.delete(path));
    return database;
  } catch (error) {
    owned.delete(path);
    throw error;
  }
}

/** Opens a database that another thread has open under the same path, as one more handle; its own to close. */
export async function openLevelShared(path: string): Promise<LevelDatabase> {
  const database: LevelDatabase = new ClassicLevel<Bytes, Bytes>(path, {
    keyEncoding: BYTES_ENCODING,
    valueEncoding: BYTES_ENCODING,
    multithreading: true,
  });
  try {
    await database.open();
    return database;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if ((cause as { code?: unknown }).code === 'LEVEL_LOCKED') throw locked(path, cause);
    throw new StrobeError('DATABASE_FAILED', `cannot open ${path}: ${errorMessage(cause)}`, { path }, { cause });
  }
}

function locked(path: string, cause?: unknown): StrobeError<'LOCKED'> {
  return new StrobeError('LOCKED', `${path} is in use: another node runs on this data directory`, { path }, { cause });
}
