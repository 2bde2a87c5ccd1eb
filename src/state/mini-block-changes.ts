import { stateDiffOf } from '../protocol/compact-diff/row-conversion.ts';
import type { ChainEvent, ChainReader } from '../protocol/ports/chain.ts';
import type { CommittedState, StateReader } from '../protocol/ports/state.ts';
import type { AccountChange, StateChangeReader } from '../protocol/ports/state-changes.ts';
import { isRowDiff, type RowDiff } from '../protocol/row-diff.ts';
import { type AccountDiff, decodeStateDiff, type StateDiff } from '../protocol/state-diff.ts';
import { EMPTY_BYTES, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';

/**
 * Mini-blocks whose diff is at hand. Who follows asks for the newest, a few mini-blocks late at most; a full one's diff
 * takes a fifth of a MiB.
 */
const RECENT_DIFFS = 32;

export interface MiniBlockChangesModules {
  readonly chain: Pick<ChainReader, 'subscribe'>;
  readonly state: Pick<CommittedState, 'rows' | 'at' | 'netDiff'>;
}

/**
 * What mini-blocks changed: the newest from their own diffs, older ones from the old values that the state keeps anyway
 * (128 blocks), so nothing is stored for it. Both say the same.
 */
export class MiniBlockChanges implements StateChangeReader {
  readonly #modules: MiniBlockChangesModules;
  /** By number, ascending. */
  readonly #recent = new Map<number, StateDiff | RowDiff>();
  #unsubscribe: (() => void) | undefined;

  constructor(modules: MiniBlockChangesModules) {
    this.#modules = modules;
  }

  start(): void {
    this.#unsubscribe = this.#modules.chain.subscribe((event) => this.#onEvent(event));
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#recent.clear();
  }

  async of(number: number, wanted?: ReadonlySet<string>): Promise<readonly AccountChange[] | undefined> {
    try {
      const after = this.#modules.state.at(number);
      const accounts = after && this.#changedIn(number, wanted);
      return after && accounts?.map((account) => changeOf(account, after));
    } catch (error) {
      if (isStrobeError(error, 'STATE_FORGOTTEN')) return undefined;
      throw error;
    }
  }

  #onEvent(event: ChainEvent): void {
    if (event.kind === 'miniBlock') {
      const { number } = event.miniBlock.miniBlock.envelope;
      this.#recent.set(number, event.diff);
      this.#recent.delete(number - RECENT_DIFFS);
    } else if (event.kind === 'rollback') {
      for (const number of this.#recent.keys()) if (number > event.number) this.#recent.delete(number);
    }
  }

  #changedIn(number: number, wanted: ReadonlySet<string> | undefined): readonly AccountDiff[] | undefined {
    const { state } = this.#modules;
    const isWanted = (address: Uint8Array): boolean => wanted === undefined || wanted.has(toKey(address));
    const diff = this.#recent.get(number);
    // Rows only go with the mini-block that brought them, so those of a diff name the same keys as long as it stands.
    if (diff !== undefined && isRowDiff(diff)) return stateDiffOf(diff, state.rows, isWanted).accounts;
    const whole = diff?.accounts ?? this.#netAccounts(number);
    return whole?.filter(({ address }) => isWanted(address));
  }

  #netAccounts(number: number): readonly AccountDiff[] | undefined {
    const bytes = this.#modules.state.netDiff(number - 1, number);
    return bytes === undefined ? undefined : decodeStateDiff(bytes).accounts;
  }
}

function changeOf(diff: AccountDiff, after: StateReader): AccountChange {
  const { address, deleted = false, slots = [] } = diff;
  const account = deleted ? undefined : after.getAccount(address);
  const { nonce = 0n, balance = 0n } = account ?? {};
  const code = diff.codeHash === undefined ? undefined : (after.getCode(diff.codeHash) ?? EMPTY_BYTES);
  return { address, deleted, nonce, balance, code, slots };
}
