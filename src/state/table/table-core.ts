import { AccountRows } from './account-rows.ts';
import { CodeTable } from './code-table.ts';
import { CommitRuns } from './commit-runs.ts';
import { SlotRows } from './slot-rows.ts';
import type { SharedMemory } from './table-memory.ts';
import { TableMemory } from './table-memory.ts';

/** What can be read of a table's memory, in each thread that has it. */
export class TableCore {
  readonly memory: TableMemory;
  readonly accounts: AccountRows;
  readonly slots: SlotRows;
  readonly codes: CodeTable;
  readonly runs: CommitRuns;

  constructor(shared: SharedMemory) {
    this.memory = new TableMemory(shared);
    this.accounts = new AccountRows(this.memory);
    this.slots = new SlotRows(this.memory);
    this.codes = new CodeTable(this.memory);
    this.runs = new CommitRuns(this.memory);
  }
}
