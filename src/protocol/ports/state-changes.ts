import type { Bytes } from '../../util/bytes.ts';
import type { Address } from '../primitives.ts';
import type { SlotDiff } from '../state-diff.ts';

/** What a mini-block changed in one account, with the values that hold after it. */
export interface AccountChange {
  readonly address: Address;
  /** The account is gone with its storage: nonce and balance are 0, and no slot is listed. */
  readonly deleted: boolean;
  /** After the mini-block, changed or not. */
  readonly nonce: bigint;
  /** After the mini-block, changed or not; wei. */
  readonly balance: bigint;
  /** Undefined when the code is what it was; empty when it is gone (EIP-7702). */
  readonly code: Bytes | undefined;
  /** Slots that changed with their new values, sorted by key; zero clears. */
  readonly slots: readonly SlotDiff[];
}

/** Reads what mini-blocks changed. Nothing is computed until somebody asks. */
export interface StateChangeReader {
  /**
   * Accounts that a mini-block changed, sorted by address.
   * @param wanted keys of the accounts asked for (`toKey` of the address); undefined: all
   * @returns undefined when old values do not reach back to it any more, or it was undone
   */
  of(number: number, wanted?: ReadonlySet<string>): Promise<readonly AccountChange[] | undefined>;
}
