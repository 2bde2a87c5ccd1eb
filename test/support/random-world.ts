import fc from 'fast-check';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { type Address, EMPTY_CODE_HASH, type Hash } from '../../src/protocol/primitives.ts';
import { type Bytes, toKey } from '../../src/util/bytes.ts';
import { bytesUpTo, fewAddresses, fewSlots, slotValue, uint } from './arbitraries.ts';
import type { MapState } from './map-state.ts';

/** One change that an execution may make. */
export type WorldChange =
  | { readonly kind: 'pay'; readonly address: Address; readonly balance: bigint }
  | { readonly kind: 'send'; readonly address: Address }
  | { readonly kind: 'store'; readonly address: Address; readonly key: Hash; readonly value: Hash }
  | { readonly kind: 'read'; readonly address: Address; readonly key: Hash }
  | { readonly kind: 'deploy'; readonly address: Address; readonly code: Bytes }
  | { readonly kind: 'empty'; readonly address: Address };

const change: fc.Arbitrary<WorldChange> = fc.oneof(
  fc.record({ kind: fc.constant('pay' as const), address: fewAddresses, balance: fc.oneof(fc.constant(0n), uint(100)) }),
  fc.record({ kind: fc.constant('send' as const), address: fewAddresses }),
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('store' as const), address: fewAddresses, key: fewSlots, value: slotValue }),
  },
  fc.record({ kind: fc.constant('read' as const), address: fewAddresses, key: fewSlots }),
  fc.record({
    kind: fc.constant('deploy' as const),
    address: fewAddresses,
    code: bytesUpTo(40).filter((code) => code.length > 0),
  }),
  fc.record({ kind: fc.constant('empty' as const), address: fewAddresses }),
);

/** Blocks of mini-blocks of changes. */
export const history: fc.Arbitrary<WorldChange[][][]> = fc.array(
  fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 4 },
);

/**
 * Makes the changes of a mini-block, as far as the EVM allows: an account that had storage before the block cannot go
 * (EIP-6780), and storage belongs to accounts with a nonce (EIP-161).
 */
export function makeChanges(world: WorldState, changes: readonly WorldChange[], beforeBlock: ReadonlySet<string>): void {
  for (const step of changes) {
    const { address } = step;
    const account = world.getAccount(address) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
    switch (step.kind) {
      case 'pay':
        // A balance of zero empties an account that has nothing else.
        world.setAccount(address, { ...account, balance: step.balance });
        break;
      case 'send':
        world.setAccount(address, { ...account, nonce: account.nonce + 1n });
        break;
      case 'store':
        world.setAccount(address, { ...account, nonce: account.nonce === 0n ? 1n : account.nonce });
        world.setStorage(address, step.key, step.value);
        break;
      case 'read':
        world.getStorage(address, step.key);
        break;
      case 'deploy':
        world.setAccount(address, { ...account, nonce: account.nonce + 1n, codeHash: world.putCode(step.code) });
        break;
      case 'empty':
        if (!beforeBlock.has(toKey(address))) world.deleteAccount(address);
        break;
    }
  }
}

/** Accounts with storage, by key. */
export function accountsWithStorage(state: MapState): Set<string> {
  const keys = new Set<string>();
  for (const { address, slots } of state.entries()) for (const _ of slots) keys.add(toKey(address));
  return keys;
}
