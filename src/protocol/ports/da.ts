import type { Bytes } from '../../util/bytes.ts';
import type { Hash } from '../primitives.ts';

/** Where a batch of blocks lies in the data availability layer. */
export interface DaCommitment {
  readonly firstBlock: number;
  readonly lastBlock: number;
  /** keccak256 of the batch bytes. */
  readonly commitment: Hash;
}

/** A data availability layer: batches once posted are there to stay. */
export interface DataAvailability {
  /** Posts a batch durably; posting the same bytes again gives the same commitment. */
  post(firstBlock: number, lastBlock: number, batch: Bytes): Promise<DaCommitment>;
  /** @throws StrobeError DA_BATCH_NOT_FOUND, DA_BATCH_CORRUPT */
  fetch(commitment: Hash): Promise<Bytes>;
  /** Every commitment in block order. */
  list(): Promise<readonly DaCommitment[]>;
}
