import { StrobeError } from '../../util/errors.ts';
import { CONTROL_SEQUENCE } from './layout.ts';
import type { TableMemory } from './table-memory.ts';

/** How long a reader tries: an application takes milliseconds, that of a large genesis seconds. */
const READ_TIMEOUT_MS = 30_000;

/** Runs `look`, again when the memory was written meanwhile; throws when what it reads is not kept any more. */
export type ReadGuard = <Result>(look: () => Result) => Result;

/**
 * One writer, any number of readers in other threads: the sequence is odd while the writer writes, and a reader looks
 * again when it moved meanwhile. Every access to it is a read-modify-write, which plain reads and writes are not moved
 * across on any processor.
 */
export class SequenceLock {
  readonly #memory: TableMemory;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  write<Result>(change: () => Result): Result {
    Atomics.add(this.#memory.words, CONTROL_SEQUENCE, 1);
    try {
      return change();
    } finally {
      Atomics.add(this.#memory.words, CONTROL_SEQUENCE, 1);
      Atomics.notify(this.#memory.words, CONTROL_SEQUENCE);
    }
  }

  /**
   * Result of `look` on a memory that was not written meanwhile. What it does on one that is written does not count, an
   * error neither; it has to end then, too, and to leave nothing behind.
   * @throws StrobeError STATE_READER_STARVED
   */
  read<Result>(look: () => Result): Result {
    const memory = this.#memory;
    let deadline = 0;
    for (;;) {
      const before = Atomics.add(memory.words, CONTROL_SEQUENCE, 0);
      if (before % 2 === 0) {
        if (memory.isStale) memory.refresh();
        const outcome = attempt(look);
        if (Atomics.add(memory.words, CONTROL_SEQUENCE, 0) === before) return outcome();
      }
      deadline ||= performance.now() + READ_TIMEOUT_MS;
      const remainingMs = deadline - performance.now();
      if (remainingMs <= 0) throw new StrobeError('STATE_READER_STARVED', 'the state table was being written all the time');
      if (before % 2 !== 0) Atomics.wait(memory.words, CONTROL_SEQUENCE, before, remainingMs);
    }
  }
}

/** Runs `look` now; the function returned gives its result or throws its error. */
function attempt<Result>(look: () => Result): () => Result {
  try {
    const result = look();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
