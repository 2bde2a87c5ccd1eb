import type { BlockHeader } from '../../protocol/block-header.ts';
import type { MiniBlock } from '../../protocol/mini-block.ts';
import type { RegistryMark } from '../../protocol/ports/state.ts';
import type { Hash } from '../../protocol/primitives.ts';
import type { BlockSeal, EpochStart } from '../../protocol/sequencer-messages.ts';

/** A sealed block that a snapshot is of, with what a node needs besides state to go on from there. */
export interface SnapshotPoint {
  readonly genesisHash: Hash;
  readonly chainId: number;
  /** The block's last mini-block; at genesis number 0 with the genesis hash. */
  readonly head: SnapshotHead;
  /** That mini-block as it was signed: whoever begins here begins its log with it. Undefined only at genesis. */
  readonly last?: MiniBlock | undefined;
  /** Undefined only at genesis. */
  readonly seal: BlockSeal | undefined;
  /** The newest headers, ascending, the block's own last: at least the 256 that BLOCKHASH sees, or all there are. */
  readonly headers: readonly BlockHeader[];
  /** Every epoch so far, ascending. */
  readonly epochStarts: readonly EpochStart[];
}

export interface SnapshotHead {
  readonly epoch: number;
  readonly number: number;
  readonly digest: Hash;
  readonly timestampUs: number;
}

export interface SnapshotChunk {
  readonly length: number;
  readonly hash: Hash;
}

/** All about a snapshot but its state. */
export interface SnapshotManifest extends SnapshotPoint {
  /** The block whose state it is: the last of `headers`. */
  readonly header: BlockHeader;
  readonly blockHash: Hash;
  /** The registry at its end. */
  readonly mark: RegistryMark;
  readonly chunks: readonly SnapshotChunk[];
  /** Bytes of all chunks together. */
  readonly stateBytes: number;
  /** ms since 1970. */
  readonly createdAtMs: number;
}
