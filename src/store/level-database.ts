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

export interface LevelOptions {
  /**
   * Every thread of this process that says so may open the database; by default it is opened once. Who opens it first has
   * to close it last: its cache of blocks serves them all and goes with it (classic-level 3.0), and the process with that.
   */
  readonly multithreading?: boolean;
}

/**
 * Opens or creates the database at `path`. Its lock belongs to the process and dies with it, `kill -9` included.
 * @throws StrobeError LOCKED when another process (or this one) has it open, DATABASE_FAILED
 */
export async function openLevel(path: string, { multithreading = false }: LevelOptions = {}): Promise<LevelDatabase> {
  const database: LevelDatabase = new ClassicLevel<Bytes, Bytes>(path, {
    keyEncoding: BYTES_ENCODING,
    valueEncoding: BYTES_ENCODING,
    multithreading,
  });
  try {
    await database.open();
    return database;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if ((cause as { code?: unknown }).code === 'LEVEL_LOCKED') {
      throw new StrobeError('LOCKED', `${path} is in use: another node runs on this data directory`, { path }, { cause });
    }
    throw new StrobeError('DATABASE_FAILED', `cannot open ${path}: ${errorMessage(cause)}`, { path }, { cause });
  }
}
