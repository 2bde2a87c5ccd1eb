import type { StateReader } from '../protocol/ports/state.ts';
import type { AccountChange, StateChangeReader } from '../protocol/ports/state-changes.ts';
import { type AccountDiff, decodeStateDiff } from '../protocol/state-diff.ts';
import { type Bytes, EMPTY_BYTES, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';

/** A mini-block as old values show it; reads throw StrobeError STATE_FORGOTTEN when they are gone. */
export interface MiniBlockStates {
  /** State at its end. */
  readonly after: StateReader;
  /** Canonical bytes of what it changed. */
  readonly netDiff: () => Bytes | undefined;
}

export interface MiniBlockChangesModules {
  /** Undefined when old values do not reach back to the mini-block, or it is yet to come. */
  readonly statesOf: (number: number) => Promise<MiniBlockStates | undefined>;
}

/** What mini-blocks changed, from the old values that the state keeps anyway (128 blocks): nothing is stored for it. */
export class MiniBlockChanges implements StateChangeReader {
  readonly #modules: MiniBlockChangesModules;

  constructor(modules: MiniBlockChangesModules) {
    this.#modules = modules;
  }

  async of(number: number, wanted?: ReadonlySet<string>): Promise<readonly AccountChange[] | undefined> {
    try {
      const states = await this.#modules.statesOf(number);
      const bytes = states?.netDiff();
      if (states === undefined || bytes === undefined) return undefined;
      const { accounts } = decodeStateDiff(bytes);
      const changed = wanted === undefined ? accounts : accounts.filter(({ address }) => wanted.has(toKey(address)));
      return changed.map((account) => changeOf(account, states.after));
    } catch (error) {
      if (isStrobeError(error, 'STATE_FORGOTTEN')) return undefined;
      throw error;
    }
  }
}

function changeOf(diff: AccountDiff, after: StateReader): AccountChange {
  const { address, deleted = false, slots = [] } = diff;
  const account = deleted ? undefined : after.getAccount(address);
  const { nonce = 0n, balance = 0n } = account ?? {};
  const code = diff.codeHash === undefined ? undefined : (after.getCode(diff.codeHash) ?? EMPTY_BYTES);
  return { address, deleted, nonce, balance, code, slots };
}
