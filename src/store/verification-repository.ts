import { type Attestation, decodeAttestation, encodeAttestation } from '../protocol/attestation.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { NUMBER_BYTES, numberKey, rangeOf, TABLE } from './tables.ts';

/** What is known about the correctness of sealed blocks: attestations, checked roots and what to check them with, DA commitments. */
export class VerificationRepository {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  /** One per prover and block: a later one replaces it. */
  putAttestation(batch: LevelBatch, attestation: Attestation, prover: Address): void {
    batch.put(numberKey(TABLE.attestations, attestation.blockNumber, prover), encodeAttestation(attestation));
  }

  async attestations(blockNumber: number): Promise<{ prover: Address; attestation: Attestation }[]> {
    const range = rangeOf(numberKey(TABLE.attestations, blockNumber));
    const rows = await this.#database.iterator(range).all();
    return rows.map(([key, value]) => ({
      prover: key.slice(1 + NUMBER_BYTES),
      attestation: decodeAttestation(value),
    }));
  }

  putBlockDiff(batch: LevelBatch, blockNumber: number, diff: Bytes): void {
    batch.put(numberKey(TABLE.blockDiffs, blockNumber), diff);
  }

  blockDiff(blockNumber: number): Promise<Bytes | undefined> {
    return this.#database.get(numberKey(TABLE.blockDiffs, blockNumber));
  }

  putRootVerified(batch: LevelBatch, blockNumber: number): void {
    batch.del(numberKey(TABLE.blockDiffs, blockNumber));
    batch.put(numberKey(TABLE.rootVerified, blockNumber), EMPTY_BYTES);
  }

  isRootVerified(blockNumber: number): Promise<boolean> {
    return this.#database.has(numberKey(TABLE.rootVerified, blockNumber));
  }

  putDaCommitment(batch: LevelBatch, blockNumber: number, commitment: Hash): void {
    batch.put(numberKey(TABLE.daCommitments, blockNumber), commitment);
  }

  daCommitment(blockNumber: number): Promise<Hash | undefined> {
    return this.#database.get(numberKey(TABLE.daCommitments, blockNumber));
  }

  /** Forgets everything about a block that is rolled back. */
  async remove(batch: LevelBatch, blockNumber: number): Promise<void> {
    const range = rangeOf(numberKey(TABLE.attestations, blockNumber));
    for (const key of await this.#database.keys(range).all()) batch.del(key);
    this.removeMarks(batch, blockNumber);
  }

  /** Forgets everything about a block but its attestations. */
  removeMarks(batch: LevelBatch, blockNumber: number): void {
    batch.del(numberKey(TABLE.rootVerified, blockNumber));
    batch.del(numberKey(TABLE.blockDiffs, blockNumber));
    batch.del(numberKey(TABLE.daCommitments, blockNumber));
  }

  /** Forgets the attestations of the blocks from `first` to the one below `end`, beside the event loop. */
  async clearAttestations(first: number, end: number): Promise<void> {
    await this.#database.clear({ gte: numberKey(TABLE.attestations, first), lt: numberKey(TABLE.attestations, end) });
  }
}
