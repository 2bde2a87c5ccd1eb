import type { RegistryMark } from '../../protocol/ports/state.ts';

/** Length of the table at one moment. */
export interface TableMark extends RegistryMark {
  /** Codes beside the empty one. */
  readonly codes: number;
}
