import type { Bytes } from '../../util/bytes.ts';
import type { RegistryMark } from './state.ts';

/**
 * Committed state with its row numbers as it was at the end of one mini-block, packed in id order: account rows, slot
 * rows (cleared ones too, they keep their numbers), then codes.
 */
export interface StateSnapshot {
  readonly number: number;
  readonly mark: RegistryMark;
  /**
   * Packs as the consumer asks: each step reads some `chunkBytes` and returns quickly.
   * @throws StrobeError SNAPSHOT_OUTRUN when old values that it needs were forgotten meanwhile
   */
  chunks(chunkBytes: number): Iterable<Bytes>;
}

/** Takes the chunks of a {@link StateSnapshot} in order and becomes that state. */
export interface SnapshotLoader {
  /** @throws StrobeError INVALID_SNAPSHOT when the chunk cannot be one */
  add(chunk: Bytes): void;
  /** @throws StrobeError INVALID_SNAPSHOT when rows, codes or the registry's digest are not those of `mark` */
  finish(number: number, mark: RegistryMark): void;
}
