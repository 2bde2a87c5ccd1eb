import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Hash } from '../protocol/primitives.ts';
import { fromText, toHex } from '../util/bytes.ts';
import { syncDirectory, writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

/**
 * Versions of a node's whole data directory, append-only; each part has a version of its own besides:
 * - 1 (2026-11): state rows in the database, a file for each witness; no `format.json`
 * - 2 (2026-11): state in snapshots, segments of witnesses
 */
export const DATA_FORMAT = 2;

/** In the data directory; written before anything else of ours. */
export const DATA_FORMAT_FILE = 'format.json';

/** Folders that directories of format 1 have: other things may lie in a new one, such as a genesis file or keys. */
const FORMAT_1_FOLDERS: readonly string[] = ['log', 'chain', 'witnesses'];

/** What the file says. */
export interface DataFormat {
  readonly format: number;
  /** 0x-prefixed. */
  readonly genesisHash: string;
  /** The role that made the directory; a hint for people. */
  readonly role?: string;
  /** Version of the program that made it; a hint for people. */
  readonly createdBy: string;
}

export interface DataFormatHints {
  readonly role?: string;
  /** Version of this program. */
  readonly version: string;
}

/**
 * To be called before anything in the data directory is opened: makes the directory when it is missing and marks a new
 * one, durably. A directory without the mark is left alone.
 * @throws StrobeError VERSION_NOT_SUPPORTED with what to do about it, GENESIS_MISMATCH, DATA_FORMAT_DAMAGED,
 *   DATA_DIRECTORY_FAILED when there can be no such directory
 */
export async function openDataFormat(dataDir: string, genesisHash: Hash, hints: DataFormatHints): Promise<DataFormat> {
  const directory = resolve(dataDir);
  const path = join(directory, DATA_FORMAT_FILE);
  const text = await makeAndRead(directory, path);
  if (text === undefined) return mark(directory, genesisHash, hints);
  const found = parse(text, path);
  if (found.format !== DATA_FORMAT) throw unsupported(directory, found.format, found.createdBy);
  const expected = toHex(genesisHash);
  if (found.genesisHash === expected) return found;
  throw new StrobeError(
    'GENESIS_MISMATCH',
    `the data directory ${directory} belongs to another chain: its genesis is ${found.genesisHash}, the configured one ${expected}`,
    { directory, found: found.genesisHash, expected },
  );
}

async function mark(directory: string, genesisHash: Hash, { role, version }: DataFormatHints): Promise<DataFormat> {
  const entries = await readdir(directory);
  if (entries.some((name) => FORMAT_1_FOLDERS.includes(name))) throw unsupported(directory, 1, undefined);
  const format = {
    format: DATA_FORMAT,
    genesisHash: toHex(genesisHash),
    ...(role === undefined ? {} : { role }),
    createdBy: version,
  };
  await writeDurably(join(directory, DATA_FORMAT_FILE), fromText(`${JSON.stringify(format, undefined, 2)}\n`));
  return format;
}

async function makeAndRead(directory: string, path: string): Promise<string | undefined> {
  try {
    const created = await mkdir(directory, { recursive: true });
    if (created !== undefined) await syncDirectory(dirname(created));
    return await readText(path);
  } catch (cause) {
    const message = `the data directory ${directory} cannot be used: ${errorMessage(cause)}`;
    throw new StrobeError('DATA_DIRECTORY_FAILED', message, { directory }, { cause });
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A newer program may have added fields and changed any but `format`. */
function parse(text: string, path: string): DataFormat {
  const fields = parseObject(text);
  const { format, genesisHash, role, createdBy } = fields;
  const isNewer = typeof format === 'number' && format > DATA_FORMAT;
  if (!Number.isSafeInteger(format) || (!isNewer && typeof genesisHash !== 'string')) {
    throw new StrobeError(
      'DATA_FORMAT_DAMAGED',
      `${path} is damaged: restore it from a backup, or remove the data directory and sync again`,
      { file: path },
    );
  }
  return {
    format: format as number,
    genesisHash: String(genesisHash),
    ...(typeof role === 'string' ? { role } : {}),
    createdBy: typeof createdBy === 'string' ? createdBy : 'unknown',
  };
}

function parseObject(text: string): Record<keyof DataFormat, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return (value ?? {}) as Record<keyof DataFormat, unknown>;
  } catch {
    return {} as Record<keyof DataFormat, unknown>;
  }
}

function unsupported(directory: string, format: number, createdBy: string | undefined): StrobeError<'VERSION_NOT_SUPPORTED'> {
  const what = `the data directory ${directory} has format ${format}, this program knows ${DATA_FORMAT}`;
  const remedy =
    format > DATA_FORMAT
      ? `use the newer program that made it (${createdBy})`
      : 'start a devnet with --fresh; let a replica sync anew in an empty directory; for a sequencer go on with the older ' +
        'program, or export its chain with that';
  return new StrobeError('VERSION_NOT_SUPPORTED', `${what}: ${remedy}`, { directory, format, known: DATA_FORMAT });
}
