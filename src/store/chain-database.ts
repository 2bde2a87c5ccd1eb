import type { MiniBlock } from '../protocol/mini-block.ts';
import type { Block } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import type { BlockRecord } from './block-record.ts';
import { BlockRepository } from './block-repository.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { MetaRepository } from './meta-repository.ts';
import { VerificationRepository } from './verification-repository.ts';
import { WritePacer } from './write-pacer.ts';

/** Everything that a seal adds to the database. */
export interface SealedBlockRows {
  readonly record: BlockRecord;
  readonly hash: Hash;
  readonly miniBlocks: readonly MiniBlock[];
  readonly transactionHashes: readonly Hash[];
}

/** The repositories of one database with its queue of writes: each change is one atomic batch, in the order of calls. */
export class ChainDatabase {
  readonly meta: MetaRepository;
  readonly blocks: BlockRepository;
  readonly verification: VerificationRepository;
  readonly #database: LevelDatabase;
  /** End of the queue of writes; never rejects. */
  #writes: Promise<unknown> = Promise.resolve();
  #failure: StrobeError | undefined;

  constructor(database: LevelDatabase) {
    this.#database = database;
    this.meta = new MetaRepository(database);
    this.blocks = new BlockRepository(database);
    this.verification = new VerificationRepository(database);
  }

  /** @throws StrobeError CHAIN_STORE_FAILED after a write failed: memory and database no longer agree */
  assertWritable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * One atomic batch behind the writes that were asked for before it. Without `sync` a power failure may undo the
   * newest batches, but a killed process none.
   */
  write(fill: (batch: LevelBatch, pacer: WritePacer) => void | Promise<void>, options: { sync?: boolean } = {}): Promise<void> {
    const task = async (): Promise<void> => {
      this.assertWritable();
      try {
        const batch = this.#database.batch();
        await fill(batch, new WritePacer());
        await batch.write(options);
      } catch (cause) {
        this.#failure = new StrobeError(
          'CHAIN_STORE_FAILED',
          `the database cannot be written: ${errorMessage(cause)}`,
          {},
          { cause },
        );
        throw this.#failure;
      }
    };
    const written = this.#writes.then(task);
    this.#writes = written.catch(() => undefined);
    return written;
  }

  /** Resolves when the writes asked for so far are done. */
  async idle(): Promise<void> {
    await this.#writes;
  }

  async close(): Promise<void> {
    await this.idle();
    await this.#database.close();
  }

  putBlock(rows: SealedBlockRows): Promise<void> {
    return this.write(async (batch, pacer) => {
      await this.blocks.put(batch, rows, pacer);
      const { number } = rows.record.seal.header;
      this.meta.putNumber(batch, 'head', number);
    });
  }

  /** Takes `blocks` off the chain and goes back to block `target`. */
  removeBlocks(blocks: readonly Block[], target: number): Promise<void> {
    return this.write(
      async (batch, pacer) => {
        for (const block of blocks) {
          const transactionHashes = block.transactions.map(({ transaction }) => transaction.hash);
          await this.blocks.remove(batch, { block, transactionHashes }, pacer);
          await this.verification.remove(batch, block.header.number);
        }
        this.meta.putNumber(batch, 'head', target);
      },
      { sync: true },
    );
  }
}
