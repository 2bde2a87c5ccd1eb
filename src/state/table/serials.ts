import { CONTROL_FLOOR_SERIAL, CONTROL_HEAD_SERIAL } from './layout.ts';
import type { TableMemory } from './table-memory.ts';

/** Applications since that one; older than everything for 0, which numbers none. */
export function ageOf(memory: TableMemory, serial: number): number {
  return serial === 0 ? 2 ** 32 : (memory.get(CONTROL_HEAD_SERIAL) - serial) >>> 0;
}

/** True when old values reach back to the state that the application left behind. */
export function isKept(memory: TableMemory, serial: number): boolean {
  return ageOf(memory, serial) <= ageOf(memory, memory.get(CONTROL_FLOOR_SERIAL));
}

export function nextSerial(serial: number): number {
  return (serial + 1) | 0 || 1;
}
