import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

export interface WitnessStoreOptions {
  readonly directory: string;
  /** Bytes of files kept. Above it the lowest block numbers go first; the newest witness stays however large it is. */
  readonly maxBytes: number;
}

/** 16 digits: the names sort like the numbers. */
const FILE_NAME = /^(\d{16})\.witness$/;
const PARTIAL_NAME = /^\d{16}\.witness\.partial$/;
const CHECKSUM_BYTES = 4;

/**
 * Witnesses of blocks, one file each (crc32 big-endian, then the witness), for peers that ask for them.
 *
 * A put is durable when it resolves: a witness cannot be made again from the log alone, and a block whose witness
 * nobody has is never attested, nor is any block after it safe. A damaged file reads as not kept.
 */
export class WitnessStore {
  readonly #options: WitnessStoreOptions;
  /** File size by block number. */
  readonly #sizes = new Map<number, number>();
  #bytes = 0;
  /** Changes happen one after the other. */
  #queue: Promise<void> = Promise.resolve();

  private constructor(options: WitnessStoreOptions) {
    this.#options = options;
  }

  /** Opens the directory, making it when it is missing. @throws StrobeError WITNESS_STORE_FAILED */
  static async open(options: WitnessStoreOptions): Promise<WitnessStore> {
    const store = new WitnessStore(options);
    await guarded('open the witness directory', () => store.#load());
    return store;
  }

  async #load(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    await Promise.all(
      (await readdir(directory)).map(async (name) => {
        const match = FILE_NAME.exec(name);
        if (match !== null) this.#note(Number(match[1]), (await stat(join(directory, name))).size);
        else if (PARTIAL_NAME.test(name)) await rm(join(directory, name), { force: true });
      }),
    );
    await this.#trim();
  }

  /** Keeps a witness, in place of an earlier one of the block. @throws StrobeError WITNESS_STORE_FAILED */
  put(blockNumber: number, witness: Bytes): Promise<void> {
    return this.#change('write a witness', async () => {
      const path = this.#path(blockNumber);
      const checksum = Buffer.alloc(CHECKSUM_BYTES);
      checksum.writeUInt32BE(crc32(witness));
      const file = concatBytes(checksum, witness);
      await writeDurably(path, file);
      this.#note(blockNumber, file.length);
      await this.#trim();
    });
  }

  /** Undefined: not kept (any more), or damaged. @throws StrobeError WITNESS_STORE_FAILED */
  async read(blockNumber: number): Promise<Bytes | undefined> {
    if (!this.#sizes.has(blockNumber)) return undefined;
    const file = await guarded('read a witness', () => readOrMissing(this.#path(blockNumber)));
    if (file === undefined || file.length < CHECKSUM_BYTES) return undefined;
    const witness = file.subarray(CHECKSUM_BYTES);
    return crc32(witness) === file.readUInt32BE(0) ? new Uint8Array(witness) : undefined;
  }

  /** Forgets the witnesses of blocks below `blockNumber`. @throws StrobeError WITNESS_STORE_FAILED */
  prune(blockNumber: number): Promise<void> {
    return this.#change('prune witnesses', async () => {
      for (const number of [...this.#sizes.keys()]) if (number < blockNumber) await this.#remove(number);
    });
  }

  /** Bytes of the files kept. */
  get bytes(): number {
    return this.#bytes;
  }

  async #trim(): Promise<void> {
    if (this.#bytes <= this.#options.maxBytes) return;
    const ascending = [...this.#sizes.keys()].sort((a, b) => a - b);
    for (const number of ascending.slice(0, -1)) {
      if (this.#bytes <= this.#options.maxBytes) return;
      await this.#remove(number);
    }
  }

  async #remove(blockNumber: number): Promise<void> {
    await rm(this.#path(blockNumber), { force: true });
    this.#bytes -= this.#sizes.get(blockNumber) ?? 0;
    this.#sizes.delete(blockNumber);
  }

  #note(blockNumber: number, size: number): void {
    this.#bytes += size - (this.#sizes.get(blockNumber) ?? 0);
    this.#sizes.set(blockNumber, size);
  }

  #path(blockNumber: number): string {
    return join(this.#options.directory, `${String(blockNumber).padStart(16, '0')}.witness`);
  }

  #change(what: string, action: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => guarded(what, action));
    this.#queue = done.catch(() => {});
    return done;
  }
}

async function readOrMissing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    // Pruned between the look-up and here.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function guarded<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    throw new StrobeError('WITNESS_STORE_FAILED', `cannot ${what}: ${errorMessage(cause)}`, {}, { cause });
  }
}
