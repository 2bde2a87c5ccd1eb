import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateView } from '../../src/protocol/ports/state.ts';
import type { AccountChange } from '../../src/protocol/ports/state-changes.ts';
import type { AccountDiff, StateDiff } from '../../src/protocol/state-diff.ts';
import { MiniBlockChanges } from '../../src/state/mini-block-changes.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { StateFollower } from '../../src/state/state-follower.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { TableReader } from '../../src/state/table/table-reader.ts';
import { toKey } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { MapState } from '../support/map-state.ts';
import { runs } from '../support/property-runs.ts';
import { accountsWithStorage, history, makeChanges, type WorldChange } from '../support/random-world.ts';

/** A table and a plain model of it that a chain of random mini-blocks is applied to. */
class Chain {
  readonly table = new StateTable();
  readonly model = new MapState();
  /** By number - 1. */
  readonly diffs: StateDiff[] = [];

  constructor() {
    for (const state of [this.table, this.model]) state.apply({ accounts: [], codes: [] }, 0);
  }

  /** As another thread reads it, which follows the chain up to now. */
  reader(): MiniBlockChanges {
    const { table } = this;
    const follower = new StateFollower(
      { newest: defined(table.momentAt(table.number)), blockEnds: [] },
      { reader: TableReader.attach(table.share()), rangeOf: async (from, to) => table.rangeOf(from, to) },
    );
    return new MiniBlockChanges({ statesOf: (number) => follower.statesOf(number) });
  }

  apply(changes: readonly WorldChange[]): void {
    const world = new OverlayState(this.model);
    makeChanges(world, changes, accountsWithStorage(this.model));
    const diff = world.takeDiff();
    const number = this.diffs.push(diff);
    this.table.apply(diff, number);
    this.model.apply(diff, number);
  }

  rollback(number: number): void {
    this.diffs.length = number;
    for (const state of [this.table, this.model]) state.rollback(number);
  }

  expected(number: number): AccountChange[] {
    const after = defined(this.model.at(number));
    return defined(this.diffs[number - 1]).accounts.map((diff) => this.#change(diff, after));
  }

  #change(diff: AccountDiff, after: StateView): AccountChange {
    const { address, deleted = false, codeHash, slots = [] } = diff;
    const account = after.getAccount(address);
    const code = codeHash === undefined ? undefined : (after.getCode(codeHash) ?? new Uint8Array(0));
    return { address, deleted, nonce: account?.nonce ?? 0n, balance: account?.balance ?? 0n, code, slots };
  }
}

const undone = fc.constantFrom(0, 0, 0, 1, 3);

test('changes from old values are those that were applied', async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.array(undone, { minLength: 16, maxLength: 16 }), async (blocks, steps) => {
      const chain = new Chain();
      blocks.flat().forEach((changes, at) => {
        const back = defined(steps[at]);
        if (back > 0) chain.rollback(Math.max(0, chain.diffs.length - back));
        chain.apply(changes);
      });
      const reader = chain.reader();
      for (let number = 1; number <= chain.diffs.length; number++) {
        const expected = chain.expected(number);
        expect(await reader.of(number)).toEqual(expected);
        const wanted = new Set(expected.filter((_, at) => at % 2 === 0).map(({ address }) => toKey(address)));
        const filtered = expected.filter(({ address }) => wanted.has(toKey(address)));
        expect(await reader.of(number, wanted)).toEqual(filtered);
      }
      expect(await reader.of(chain.diffs.length + 1)).toBeUndefined();
    }),
    runs(100),
  );
});

test('what the state has forgotten is not told', async () => {
  const chain = new Chain();
  const reader = chain.reader();
  const address = new Uint8Array(20).fill(7);
  for (let balance = 1n; balance <= 3n; balance++) chain.apply([{ kind: 'pay', address, balance }]);
  chain.table.release(2);
  expect(await reader.of(1)).toBeUndefined();
  // Its end is still there, its begin is not.
  expect(await reader.of(2)).toBeUndefined();
  expect(await reader.of(3)).toEqual([{ address, deleted: false, nonce: 0n, balance: 3n, code: undefined, slots: [] }]);
});
