import type { Bytes } from '../util/bytes.ts';

/** A block in its wire forms, without kind bytes: all that executing it again takes. */
export interface ReexecutedBlock {
  readonly seal: Bytes;
  /** From the seal's first number to its last. */
  readonly miniBlocks: readonly Bytes[];
  readonly witness: Bytes;
}

/**
 * Executes a block again from its witness alone; what runs it is none of this folder's business (src/node hands it in).
 * @returns what the sequencer got wrong; empty when execution gives just what it signed
 * @throws StrobeError when nothing can be said about the block
 */
export type BlockReexecutor = (block: ReexecutedBlock) => Promise<readonly string[]>;
