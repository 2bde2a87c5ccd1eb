import type { Bytes } from '../../util/bytes.ts';
import type { Hash } from '../primitives.ts';
import type { StateView } from './state.ts';

/** What a row number of the state's registry is of. */
export type RowKind = 'account' | 'slot';

/** Rows that changed in a block with their values from before it, whose form is the state's own; no bytes: there was none. */
export interface OldRows {
  /** Each once, ascending. */
  readonly rows: Uint32Array;
  /** Where the value of each ends in `values`. */
  readonly ends: Uint32Array;
  readonly values: Bytes;
  /** Rows from this number on came with the block. */
  readonly firstNew: number;
}

/** What a sealed block changed. */
export interface BlockChanges {
  readonly accounts: OldRows;
  readonly slots: OldRows;
}

/** The end of a sealed block, and which of several blocks with this number it is. */
export interface BlockEnd {
  readonly blockNumber: number;
  /** Its last mini-block, whose digest covers everything before it. */
  readonly lastNumber: number;
  readonly lastDigest: Hash;
}

/** Stored values from before blocks, to be read from any thread. */
export interface OldValueReader {
  /**
   * What the row was at the end of a block, if a later block that is stored changed it; undefined: it is as it was at the
   * end of the newest stored block.
   * @throws StrobeError STATE_FORGOTTEN when what is stored does not reach back to the block any more
   */
  find(kind: RowKind, row: number, blockNumber: number): Bytes | undefined;
}

/** Blocks whose states a history can answer for. */
export interface StoredReach {
  readonly oldest: number;
  readonly newest: number;
}

/** Rows that a block changed, ascending, and the ordinal of each change: how often the row had changed before. */
export interface ChangeList {
  readonly rows: Uint32Array;
  readonly ordinals: Uint32Array;
}

/** Which rows a block changed. */
export type BlockChangeLists = Readonly<Record<RowKind, ChangeList>>;

/** What is stored, as it was at one moment, whatever is stored, undone or pruned meanwhile. Whoever opens one closes it. */
export interface StoredMoment extends OldValueReader {
  readonly reach: StoredReach;
  /** Of a block above the oldest one. */
  changesOf(blockNumber: number): BlockChangeLists;
  /** What the row was before the change with this ordinal; undefined: there is no such change. */
  valueBefore(kind: RowKind, row: number, ordinal: number): Bytes | undefined;
  /** The newest block that changed the row; undefined: none that is stored. */
  lastChange(kind: RowKind, row: number): number | undefined;
  close(): void;
}

/** State of sealed blocks that is older than what is kept in memory. */
export interface StateHistory {
  /** The oldest block whose state can be read; undefined while there is none. */
  readonly oldest: number | undefined;
  /** Old values of the state are needed back to the end of this mini-block. */
  readonly retainFrom: number;
  /** State at the end of a block; undefined when it is too old, or not stored yet. */
  at(blockNumber: number): StateView | undefined;
  /** A block was sealed, or is complete in the state again after a restart; in order. It is stored beside the caller. */
  add(end: BlockEnd): void;
  /** Resolves when few blocks wait to be stored: who can wait does, before the next block. */
  room(): Promise<void>;
  /** Blocks above this one are about to be undone in the state. */
  rollback(end: BlockEnd): void;
}

/** What JSON-RPC tells of old state. */
export interface StateHistoryStatus {
  /** The oldest block whose state is kept. */
  oldestState(): number;
}
