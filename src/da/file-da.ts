import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaCommitment, DataAvailability } from '../protocol/ports/da.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, bytesEqual, fromKey, toHex, toKey } from '../util/bytes.ts';
import { writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { MAX_BATCH_BYTES } from './batch.ts';

/** `<first block>-<last block>-<commitment>.batch`, numbers with 12 digits. */
const NAME_PATTERN = /^(\d{12})-(\d{12})-([0-9a-f]{64})\.batch$/;

/**
 * Data availability in a directory: one file per batch, named by its blocks and commitment. Another process may read
 * the directory while one posts to it.
 */
export class FileDataAvailability implements DataAvailability {
  readonly #directory: string;
  /** What the last look found, by commitment. */
  #known: ReadonlyMap<string, DaCommitment> = new Map();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Creates the directory when it is not there. @throws StrobeError DA_DIRECTORY_FAILED */
  static async open({ directory }: { readonly directory: string }): Promise<FileDataAvailability> {
    await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
      const message = `the folder ${directory} of the data availability layer cannot be used: ${errorMessage(cause)}`;
      throw new StrobeError('DA_DIRECTORY_FAILED', message, { directory }, { cause });
    });
    return new FileDataAvailability(directory);
  }

  /** @throws StrobeError DA_BATCH_TOO_LARGE */
  async post(firstBlock: number, lastBlock: number, batch: Bytes): Promise<DaCommitment> {
    if (batch.length > MAX_BATCH_BYTES)
      throw new StrobeError('DA_BATCH_TOO_LARGE', 'the batch is too large', { bytes: batch.length });
    const posted = { firstBlock, lastBlock, commitment: keccak256(batch) };
    await writeDurably(join(this.#directory, nameOf(posted)), batch);
    return posted;
  }

  async fetch(commitment: Hash): Promise<Bytes> {
    const key = toKey(commitment);
    if (!this.#known.has(key)) await this.list();
    const found = this.#known.get(key);
    if (found === undefined) throw notFound(commitment);
    const path = join(this.#directory, nameOf(found));
    const batch = await readBatch(path);
    if (batch === undefined) {
      // Removed since the last look, which is to be noticed.
      this.#known = new Map();
      throw notFound(commitment);
    }
    if (!bytesEqual(keccak256(batch), commitment)) throw corrupt(path, 'its bytes do not match its commitment');
    return batch;
  }

  async list(): Promise<readonly DaCommitment[]> {
    const commitments = (await readdir(this.#directory)).map(parseName).filter((entry) => entry !== undefined);
    this.#known = new Map(commitments.map((entry) => [toKey(entry.commitment), entry]));
    return commitments.sort((a, b) => a.firstBlock - b.firstBlock || a.lastBlock - b.lastBlock);
  }
}

/** Undefined: there is no such file. */
async function readBatch(path: string): Promise<Bytes | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BATCH_BYTES) throw corrupt(path, 'it is too large');
    const file = await readFile(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.length);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function notFound(commitment: Hash): StrobeError<'DA_BATCH_NOT_FOUND'> {
  return new StrobeError('DA_BATCH_NOT_FOUND', 'no batch has this commitment', { commitment: toHex(commitment) });
}

function nameOf({ firstBlock, lastBlock, commitment }: DaCommitment): string {
  const number = (value: number): string => String(value).padStart(12, '0');
  return `${number(firstBlock)}-${number(lastBlock)}-${toKey(commitment)}.batch`;
}

/** Undefined for any other file, such as one that is still being written. */
function parseName(name: string): DaCommitment | undefined {
  const [, first, last, commitment] = NAME_PATTERN.exec(name) ?? [];
  if (first === undefined || last === undefined || commitment === undefined) return undefined;
  return { firstBlock: Number(first), lastBlock: Number(last), commitment: fromKey(commitment) };
}

function corrupt(path: string, reason: string): StrobeError<'DA_BATCH_CORRUPT'> {
  return new StrobeError('DA_BATCH_CORRUPT', `the batch ${path} is damaged: ${reason}`, { path });
}
