import type { Bytes } from '../../util/bytes.ts';
import type { Address } from '../primitives.ts';
import type { Transaction } from '../transaction.ts';

/** Transactions that wait for execution. */
export interface PoolCounts {
  /** Those that can be executed, one after the other. */
  readonly pending: number;
  /** Those behind a nonce gap. */
  readonly queued: number;
}

export interface ListedTransaction {
  readonly transaction: Transaction;
  readonly sender: Address;
  /** It waits behind a nonce gap. */
  readonly isQueued: boolean;
}

/** The sequencer's pool as JSON-RPC lists it; on a replica asked of the sequencer. */
export interface PoolReader {
  /** @throws StrobeError SEQUENCER_UNREACHABLE on a replica */
  counts(): Promise<PoolCounts>;
  /**
   * In order of arrival; those of one sender when it is given. On a replica the pool may change while it is read.
   * @throws StrobeError POOL_TOO_LARGE when there are more than `limit`, SEQUENCER_UNREACHABLE on a replica
   */
  list(limit: number, sender?: Address): Promise<readonly ListedTransaction[]>;
}

/** A pooled transaction as it travels. */
export interface PooledBytes {
  readonly raw: Bytes;
  readonly sender: Address;
}

/** A {@link ListedTransaction} as it travels. */
export interface PoolPageEntry extends PooledBytes {
  readonly isQueued: boolean;
}

/** A part of the pool, of at most MAX_TRANSACTION_BYTES. */
export interface PoolPage {
  readonly entries: readonly PoolPageEntry[];
  /** Where the next page begins; undefined: this was the last. */
  readonly next: number | undefined;
}
