import type { AccountOverride } from '../../protocol/ports/execution.ts';
import type { WorldState } from '../../protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';

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
