import type { TableMark } from './table-mark.ts';

/** One end of a range of mini-blocks. */
export interface NetRangeEnd {
  readonly number: number;
  readonly serial: number;
  readonly mark: Omit<TableMark, 'digest'>;
}

/** Mini-blocks whose old values are kept, as any thread can read them. */
export interface NetRange {
  readonly from: NetRangeEnd;
  readonly to: NetRangeEnd;
  /** Addresses of their headers in the journal, ascending. */
  readonly headers: readonly number[];
  /** Address behind the last one's versions. */
  readonly end: number;
}

/** A range as its owner names it to another thread, without holding on to its old values. */
export interface NamedRange extends NetRange {
  /** It is known to have outlived as many rollbacks of the table. */
  readonly rollbacks: number;
}
