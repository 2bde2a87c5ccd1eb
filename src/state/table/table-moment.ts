import type { TableMark } from './table-mark.ts';

/** The end of a mini-block as the owner of a table names it to readers in other threads. */
export interface TableMoment {
  readonly number: number;
  /** Of the application that made it. */
  readonly serial: number;
  /** Rows from these counts on were not there yet. */
  readonly mark: Omit<TableMark, 'digest'>;
  /** The moment is known to have outlived as many rollbacks of the table. */
  readonly rollbacks: number;
}
