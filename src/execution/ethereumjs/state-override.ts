import type { AccountOverride } from '../../protocol/ports/execution.ts';
import type { StateView, WorldState } from '../../protocol/ports/state.ts';
import { EMPTY_CODE_HASH, ZERO_HASH } from '../../protocol/primitives.ts';
import { OverlayState } from '../../state/overlay-state.ts';
import { toHex, toKey } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';

/**
 * A state with what a call wants assumed of it, for that call alone. A storage that is replaced is not cleared slot by slot:
 * a token has millions.
 * @throws StrobeError INVALID_STATE_OVERRIDE when an account has both `state` and `stateDiff`
 */
export function overriddenState(state: StateView, overrides: readonly AccountOverride[]): WorldState {
  const replaced = new Set(overrides.flatMap(({ address, state: slots }) => (slots === undefined ? [] : [toKey(address)])));
  const world = new OverlayState(replaced.size === 0 ? state : withoutStorage(state, replaced));
  applyOverrides(world, overrides);
  return world;
}

/** @param accounts those whose storage is empty, by the keys of their addresses */
function withoutStorage(state: StateView, accounts: ReadonlySet<string>): StateView {
  return {
    getAccount: (address) => state.getAccount(address),
    getStorage: (address, key) => (accounts.has(toKey(address)) ? ZERO_HASH : state.getStorage(address, key)),
    getCode: (codeHash) => state.getCode(codeHash),
    storageOf: (address) => (accounts.has(toKey(address)) ? [] : state.storageOf(address)),
  };
}

/**
 * Writes what a call wants assumed.
 * @throws StrobeError INVALID_STATE_OVERRIDE when an account has both `state` and `stateDiff`
 */
export function applyOverrides(world: WorldState, overrides: readonly AccountOverride[]): void {
  for (const override of overrides) applyOverride(world, override);
}

function applyOverride(world: WorldState, override: AccountOverride): void {
  const { address, balance, nonce, code, state, stateDiff } = override;
  if (state !== undefined && stateDiff !== undefined) {
    throw new StrobeError('INVALID_STATE_OVERRIDE', `account ${toHex(address)} has both 'state' and 'stateDiff'`);
  }
  if (balance !== undefined || nonce !== undefined || code !== undefined) {
    const account = world.getAccount(address);
    world.setAccount(address, {
      nonce: nonce ?? account?.nonce ?? 0n,
      balance: balance ?? account?.balance ?? 0n,
      codeHash: code === undefined ? (account?.codeHash ?? EMPTY_CODE_HASH) : world.putCode(code),
    });
  }
  if (state !== undefined) world.clearStorage(address);
  for (const { key, value } of state ?? stateDiff ?? []) world.setStorage(address, key, value);
}
