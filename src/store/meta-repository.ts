import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { bytesKey, NUMBER_BYTES, readNumber, TABLE, writeNumber } from './tables.ts';

/** Numbers kept under a name: the head's, safe and finalized block, and the version of the whole database format. */
export type MetaNumber = 'formatVersion' | 'head' | 'safe' | 'finalized';

const metaKey = (name: string): Bytes => bytesKey(TABLE.meta, new TextEncoder().encode(name));
const GENESIS_KEY = metaKey('genesisHash');
const REGISTRY_DIGEST_KEY = metaKey('registryDigest');

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

  /** Undefined before the first seal. */
  registryDigest(): Promise<Hash | undefined> {
    return this.#database.get(REGISTRY_DIGEST_KEY);
  }

  putRegistryDigest(batch: LevelBatch, digest: Hash): void {
    batch.put(REGISTRY_DIGEST_KEY, digest);
  }
}
