import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import type { ChainHead } from './chain-head.ts';
import type { BlockPosition } from './indexed-transaction.ts';

/** What is known of the chain beside its blocks. */
export interface ChainMarks {
  readonly head: ChainHead;
  /** See ChainView.base. */
  readonly base: ChainHead;
  readonly safe: number | undefined;
  readonly finalized: number | undefined;
}

/**
 * A change of a chain store as it tells followers in other threads: plain data. Reads find what a change says from the
 * moment on that it is told.
 */
export type ChainChange =
  | {
      readonly kind: 'miniBlock';
      /** As it lies in the log. */
      readonly record: Bytes;
      readonly start: BlockPosition;
      readonly transactionCount: number;
      readonly gasUsed: bigint;
    }
  /** The open block is the head; it is not in the database yet. */
  | { readonly kind: 'sealed'; readonly seal: BlockSeal; readonly sizeBytes: number }
  /** Blocks up to this one are in the database. */
  | { readonly kind: 'stored'; readonly blockNumber: number }
  | { readonly kind: 'safe' | 'finalized' | 'status'; readonly blockNumber: number }
  /** Blocks below this one are not served any more, and leave the database. */
  | { readonly kind: 'pruned'; readonly oldestBlock: number }
  /** Mini-blocks above `number` were undone; `head` is sealed. */
  | {
      readonly kind: 'rollback';
      readonly number: number;
      readonly head: ChainHead;
      readonly removed: readonly IndexedTransaction[];
    };

/** Where following begins: marks of what the database has, and the changes that led on from there. */
export interface ChainBegin {
  readonly marks: ChainMarks;
  readonly changes: readonly ChainChange[];
}
