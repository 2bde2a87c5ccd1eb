import type { Bytes } from '../../util/bytes.ts';

/** Read access to kept witnesses of sealed blocks. */
export interface WitnessReader {
  /** As `encodeWitness` writes it; undefined: not kept (any more). */
  read(blockNumber: number): Promise<Bytes | undefined>;
}
