import { StrobeError } from '../../util/errors.ts';
import { CONTROL_RETAINED, MAX_RETAINED, RETAINED_WORDS, WORD_WORDS } from './layout.ts';
import type { TableMark } from './table-mark.ts';
import type { TableMemory } from './table-memory.ts';

/** Words of an entry (layout.ts). */
const SERIAL = 0;
const NUMBER = 1;
const COUNTS = 3;
const DIGEST = 6;

/** Addresses of all entries. */
const ENTRIES: readonly number[] = Array.from({ length: MAX_RETAINED }, (_, i) => CONTROL_RETAINED + i * RETAINED_WORDS);

export interface RetainedMoment {
  readonly number: number;
  readonly serial: number;
  readonly mark: TableMark;
}

/** Mini-blocks whose states someone is reading, where readers in other threads find them. */
export class RetainedNumbers {
  readonly #memory: TableMemory;
  /** Entries in use; one whose mini-block was undone has no serial any more. */
  readonly #inUse = new Set<number>();

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  /** The lowest number, Infinity if there is none. */
  get lowest(): number {
    const numbers = [...this.#inUse].filter((entry) => this.#memory.get(entry + SERIAL) !== 0);
    return Math.min(...numbers.map((entry) => this.#memory.getNumber(entry + NUMBER)));
  }

  /**
   * Returns the entry.
   * @throws StrobeError TOO_MANY_RETAINED
   */
  add({ number, serial, mark }: RetainedMoment): number {
    const entry = ENTRIES.find((address) => !this.#inUse.has(address));
    if (entry === undefined) {
      throw new StrobeError('TOO_MANY_RETAINED', 'too many states are being read at once', { number });
    }
    this.#inUse.add(entry);
    this.#memory.setNumber(entry + NUMBER, number);
    this.#memory.set(entry + COUNTS, mark.accounts);
    this.#memory.set(entry + COUNTS + 1, mark.slots);
    this.#memory.set(entry + COUNTS + 2, mark.codes);
    this.#memory.writeBytes(entry + DIGEST, WORD_WORDS, mark.digest, 0);
    this.#memory.set(entry + SERIAL, serial);
    return entry;
  }

  delete(entry: number): void {
    this.#inUse.delete(entry);
    this.#memory.set(entry + SERIAL, 0);
  }

  /** States above `number` were undone: who reads them is told. */
  undoAbove(number: number): void {
    for (const entry of this.#inUse) {
      if (this.#memory.getNumber(entry + NUMBER) > number) this.#memory.set(entry + SERIAL, 0);
    }
  }
}

/** What was retained under a number, by any thread's view of the memory; undefined: it was not. */
export function findRetained(memory: TableMemory, number: number): RetainedMoment | undefined {
  const entry = ENTRIES.find((address) => memory.get(address + SERIAL) !== 0 && memory.getNumber(address + NUMBER) === number);
  if (entry === undefined) return undefined;
  const digest = new Uint8Array(32);
  memory.readBytes(entry + DIGEST, WORD_WORDS, digest, 0);
  const [accounts, slots, codes] = [0, 1, 2].map((i) => memory.get(entry + COUNTS + i)) as [number, number, number];
  return { number, serial: memory.get(entry + SERIAL), mark: { accounts, slots, codes, digest } };
}

/** True while somebody retains this very state, whoever it is: several may at a time, and each lets go when it is done. */
export function isRetained(memory: TableMemory, serial: number): boolean {
  return ENTRIES.some((entry) => memory.get(entry + SERIAL) === serial);
}
