import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, fromHex, toHex } from '../util/bytes.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

/** A block this prover is done with, newest last. */
export interface ProvedBlock {
  readonly blockNumber: number;
  readonly blockHash: Hash;
  readonly epoch: number;
  readonly lastNumber: number;
  readonly lastDigest: Hash;
  /** The signed attestation as it travels; undefined when nothing could be said, or was to be said here. */
  readonly attestation: Bytes | undefined;
  /** The block is not in this prover's share. */
  readonly isSkipped?: true | undefined;
}

/** Whose progress a file holds: another prover or chain starts anew. */
export interface ProgressOwner {
  readonly genesisHash: Hash;
  readonly prover: Address;
}

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform(fromHex);
const number = z.number().int().nonnegative();
const fileSchema = z.strictObject({
  version: z.literal(1),
  genesisHash: z.string(),
  prover: z.string(),
  blocks: z.array(
    z.strictObject({
      blockNumber: number,
      blockHash: hex,
      epoch: number,
      lastNumber: number,
      lastDigest: hex,
      attestation: hex.optional(),
      isSkipped: z.literal(true).optional(),
    }),
  ),
});

/** Keeps the newest proved blocks of a prover in a JSON file, so that it goes on where it stopped. */
export class ProgressFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Blocks done before, oldest first; none when the file is missing or damaged: proving again gives the same
   * attestations.
   * @throws StrobeError PROGRESS_FILE_FAILED when the file cannot be read; PROGRESS_OF_ANOTHER when it is another
   * chain's or prover's
   */
  async load(owner: ProgressOwner): Promise<ProvedBlock[]> {
    const text = await this.#read();
    const parsed = text === undefined ? undefined : fileSchema.safeParse(parseJson(text));
    if (!parsed?.success) return [];
    const { genesisHash, prover, blocks } = parsed.data;
    if (genesisHash !== toHex(owner.genesisHash) || prover !== toHex(owner.prover)) {
      throw new StrobeError('PROGRESS_OF_ANOTHER', 'the progress file belongs to another chain or prover key', {
        path: this.#path,
      });
    }
    return blocks.map((block) => ({ ...block, attestation: block.attestation }));
  }

  /** Written aside and renamed; not synced, since a loss only makes work. @throws StrobeError PROGRESS_FILE_FAILED */
  async save(owner: ProgressOwner, blocks: readonly ProvedBlock[]): Promise<void> {
    const file = {
      version: 1,
      genesisHash: toHex(owner.genesisHash),
      prover: toHex(owner.prover),
      blocks: blocks.map((block) => ({
        ...block,
        blockHash: toHex(block.blockHash),
        lastDigest: toHex(block.lastDigest),
        attestation: block.attestation === undefined ? undefined : toHex(block.attestation),
      })),
    };
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(`${this.#path}.partial`, JSON.stringify(file));
      await rename(`${this.#path}.partial`, this.#path);
    } catch (cause) {
      throw failed('write', cause);
    }
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw failed('read', cause);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A torn file after a power loss.
    return undefined;
  }
}

function failed(what: string, cause: unknown): StrobeError<'PROGRESS_FILE_FAILED'> {
  return new StrobeError('PROGRESS_FILE_FAILED', `cannot ${what} the progress file: ${errorMessage(cause)}`, {}, { cause });
}
