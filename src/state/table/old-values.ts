import { VERSION_BODY, VERSION_PREVIOUS, VERSION_PREVIOUS_SERIAL } from './layout.ts';
import { ageOf } from './serials.ts';
import type { TableMemory } from './table-memory.ts';

/** Stands for the body of a row that was not there yet: absent, or clear. What does not exist is all zeros in memory, too. */
export const NO_BODY = 0;

/** Whether two bodies have the same words; `before` may be {@link NO_BODY}. */
export function isSameBody(memory: TableMemory, before: number, after: number, field: number, words: number): boolean {
  return before === NO_BODY ? memory.isZero(after + field, words) : memory.equal(before + field, after + field, words);
}

/**
 * The body of a row as the application numbered `serial` left it, old values reaching back to that: the one from before
 * the first later change, which is the row's own if there was none.
 *
 * Versions that were given up are never followed: the first one that is not later ends the walk. It ends in any memory,
 * as each step goes to an older one: a reader in another thread may walk while the memory is written.
 *
 * @param version address of the row's newest version and its serial
 * @param current the row's own body
 */
export function bodyAt(memory: TableMemory, version: number, current: number, serial: number): number {
  const limit = ageOf(memory, serial);
  let body = current;
  let address = memory.get(version);
  let age = ageOf(memory, memory.get(version + 1));
  while (age < limit) {
    body = address + VERSION_BODY;
    const previousAge = ageOf(memory, memory.get(address + VERSION_PREVIOUS_SERIAL));
    if (previousAge <= age) break;
    age = previousAge;
    address = memory.get(address + VERSION_PREVIOUS);
  }
  return body;
}
