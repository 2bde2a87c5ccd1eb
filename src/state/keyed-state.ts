import type { Account, Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';

/**
 * What an overlay reads below itself. Addresses and slot keys are hex without prefix, so that a key is converted once
 * however many layers it is looked up in.
 */
export interface KeyedState {
  accountAt(accountKey: string): Account | undefined;
  /** Undefined: zero. */
  slotAt(accountKey: string, slotKey: string): Hash | undefined;
  /** All slots that are not zero; undefined when there are none. */
  slotsAt(accountKey: string): ReadonlyMap<string, Hash> | undefined;
  getCode(codeHash: Hash): Bytes | undefined;
}
