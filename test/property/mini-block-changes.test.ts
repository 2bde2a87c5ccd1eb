import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { AppliedMiniBlock, ChainEvent } from '../../src/protocol/ports/chain.ts';
import type { StateView } from '../../src/protocol/ports/state.ts';
import type { AccountChange } from '../../src/protocol/ports/state-changes.ts';
import type { AccountDiff, StateDiff } from '../../src/protocol/state-diff.ts';
import { MiniBlockChanges } from '../../src/state/mini-block-changes.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
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
  readonly #listeners = new Set<(event: ChainEvent) => void>();

  constructor() {
    for (const state of [this.table, this.model]) state.apply({ accounts: [], codes: [] }, 0);
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reader(): MiniBlockChanges {
    return new MiniBlockChanges({ chain: this, state: this.table });
  }

  apply(changes: readonly WorldChange[], byRow: boolean): void {
    const world = new OverlayState(this.model);
    makeChanges(world, changes, accountsWithStorage(this.model));
    const diff = world.takeDiff();
    const number = this.diffs.push(diff);
    const given = byRow ? rowDiffOf(diff, this.table.rows) : diff;
    this.table.apply(diff, number);
    this.model.apply(diff, number);
    const miniBlock = { miniBlock: { envelope: { number } } } as AppliedMiniBlock;
    for (const listener of this.#listeners) listener({ kind: 'miniBlock', miniBlock, diff: given });
  }

  rollback(number: number): void {
    for (const listener of this.#listeners) listener({ kind: 'rollback', number, removed: [] });
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

const step = fc.record({ byRow: fc.boolean(), back: fc.constantFrom(0, 0, 0, 1, 3) });

test('changes from the newest diffs and from old values are those that were applied', async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.array(step, { minLength: 16, maxLength: 16 }), async (blocks, steps) => {
      const chain = new Chain();
      const following = chain.reader();
      following.start();
      blocks.flat().forEach((changes, at) => {
        const { byRow, back } = defined(steps[at]);
        if (back > 0) chain.rollback(Math.max(0, chain.diffs.length - back));
        chain.apply(changes, byRow);
      });
      // It has seen no event: everything is from the state's old values.
      const late = chain.reader();
      for (let number = 1; number <= chain.diffs.length; number++) {
        const expected = chain.expected(number);
        expect(await following.of(number)).toEqual(expected);
        expect(await late.of(number)).toEqual(expected);
        const wanted = new Set(expected.filter((_, at) => at % 2 === 0).map(({ address }) => toKey(address)));
        const filtered = expected.filter(({ address }) => wanted.has(toKey(address)));
        expect(await following.of(number, wanted)).toEqual(filtered);
        expect(await late.of(number, wanted)).toEqual(filtered);
      }
      expect(await following.of(chain.diffs.length + 1)).toBeUndefined();
    }),
    runs(100),
  );
});

test('what the state has forgotten is not told', async () => {
  const chain = new Chain();
  const reader = chain.reader();
  const address = new Uint8Array(20).fill(7);
  for (let balance = 1n; balance <= 3n; balance++) chain.apply([{ kind: 'pay', address, balance }], true);
  chain.table.release(2);
  expect(await reader.of(1)).toBeUndefined();
  // Its end is still there, its begin is not.
  expect(await reader.of(2)).toBeUndefined();
  expect(await reader.of(3)).toEqual([{ address, deleted: false, nonce: 0n, balance: 3n, code: undefined, slots: [] }]);
});
