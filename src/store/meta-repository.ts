import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, decodeBlockSeal, encodeBlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { bytesKey, NUMBER_BYTES, readNumber, TABLE, writeNumber } from './tables.ts';

/** Numbers kept under a name: the head's, safe, finalized and oldest block, and the version of the whole database format. */
export type MetaNumber = 'formatVersion' | 'head' | 'safe' | 'finalized' | 'snapshot' | 'oldest';

const metaKey = (name: string): Bytes => bytesKey(TABLE.meta, new TextEncoder().encode(name));
const GENESIS_KEY = metaKey('genesisHash');
const BASE_KEY = metaKey('base');

/** The few facts about the whole database. */
export class MetaRepository {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  async number(name: MetaNumber): Promise<number | undefined> {
    const value = await this.#database.get(metaKey(name));
    return value === undefined ? undefined : readNumber(value);
  }

  putNumber(batch: LevelBatch, name: MetaNumber, value: number): void {
    const bytes = new Uint8Array(NUMBER_BYTES);
    writeNumber(bytes, value, 0);
    batch.put(metaKey(name), bytes);
  }

  /** Undefined in an empty database. */
  genesisHash(): Promise<Hash | undefined> {
    return this.#database.get(GENESIS_KEY);
  }

  putGenesisHash(batch: LevelBatch, genesisHash: Hash): void {
    batch.put(GENESIS_KEY, genesisHash);
  }

  /** Seal of the block that the chain begins with here, whose contents are not stored; undefined: it begins at genesis. */
  async base(): Promise<BlockSeal | undefined> {
    const value = await this.#database.get(BASE_KEY);
    return value === undefined ? undefined : decodeBlockSeal(value);
  }

  putBase(batch: LevelBatch, seal: BlockSeal): void {
    batch.put(BASE_KEY, encodeBlockSeal(seal));
  }
}
