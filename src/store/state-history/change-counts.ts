import type { RowKind } from '../../protocol/ports/history.ts';
import type { LevelDatabase } from '../level-database.ts';
import { HEAD_KEY_BYTES, readHead, writeHeadKey } from './history-format.ts';

const FIRST_CAPACITY = 65_536;

/** How often each row changed so far: in memory once it was asked for, four bytes a row of the state at most. */
export class ChangeCounts {
  readonly #database: LevelDatabase;
  readonly #kind: RowKind;
  readonly #key = new Uint8Array(HEAD_KEY_BYTES);
  /** By row, plus one; 0: not asked for yet. */
  #counts = new Uint32Array(FIRST_CAPACITY);

  constructor(database: LevelDatabase, kind: RowKind) {
    this.#database = database;
    this.#kind = kind;
  }

  get(row: number): number {
    const known = this.#counts[row] ?? 0;
    return known > 0 ? known - 1 : this.#read(row);
  }

  set(row: number, count: number): void {
    if (row >= this.#counts.length) this.#grow(row);
    this.#counts[row] = count + 1;
  }

  clear(): void {
    this.#counts = new Uint32Array(FIRST_CAPACITY);
  }

  #read(row: number): number {
    writeHeadKey(this.#key, this.#kind, row);
    const head = this.#database.getSync(this.#key);
    return head === undefined ? 0 : readHead(head).count;
  }

  #grow(row: number): void {
    const larger = new Uint32Array(Math.max(row + 1, this.#counts.length * 2));
    larger.set(this.#counts);
    this.#counts = larger;
  }
}
