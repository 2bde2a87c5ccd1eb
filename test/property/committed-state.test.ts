import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { StateView } from '../../src/protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import {
  type AccountDiff,
  createStateDiff,
  encodeStateDiff,
  isEmptyAccount,
  type StateDiff,
  sortSlots,
} from '../../src/protocol/state-diff.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, fromKey, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';
import { MapState } from '../support/map-state.ts';
import { runs } from '../support/property-runs.ts';
import { RegistryModel } from '../support/registry-model.ts';
import { listAccounts, listRows, type RestorableState, restoreInto } from '../support/state-listing.ts';

const ADDRESSES = [1, 2, 3, 4, 5].map((byte) => new Uint8Array(20).fill(byte));
const CODES = [1, 2, 3].map((length) => new Uint8Array(length * 30).fill(length));
const DELEGATION = Uint8Array.of(0xef, 0x01, 0x00, ...new Uint8Array(20));

type Write =
  | { readonly kind: 'account'; readonly who: number; readonly nonce: bigint; readonly balance: bigint; readonly code: number }
  | { readonly kind: 'slot'; readonly who: number; readonly key: bigint; readonly value: bigint }
  | { readonly kind: 'delete'; readonly who: number };

interface Apply {
  readonly kind: 'apply';
  readonly byRow: boolean;
  readonly gap: number;
  readonly writes: readonly Write[];
}

interface Return {
  readonly kind: 'rollback' | 'release' | 'restore';
  readonly back: number;
  readonly chunkBytes: number;
}

type Step = Apply | Return;

const who = fc.nat({ max: ADDRESSES.length - 1 });
const amount = fc.oneof(fc.bigInt({ min: 0n, max: 2n }), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }));
const key = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.constantFrom(2n ** 255n, 2n ** 64n, 256n));
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('account' as const),
      who,
      nonce: fc.oneof(fc.bigInt({ min: 0n, max: 2n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      balance: amount,
      code: fc.nat({ max: 4 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('slot' as const), who, key, value: amount }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), who }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('apply' as const),
      byRow: fc.boolean(),
      gap: fc.constantFrom(1, 1, 1, 3),
      writes: fc.array(write, { maxLength: 10 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('rollback' as const, 'rollback' as const, 'release' as const, 'restore' as const),
      back: fc.nat({ max: 6 }),
      chunkBytes: fc.integer({ min: 1, max: 300 }),
    }),
  },
);

interface Change {
  readonly before: Account | undefined;
  after: Account | undefined;
  /** Values to be, by key. */
  readonly slots: Map<string, Hash>;
}

const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };

/** The canonical diff of a mini-block that makes these writes, as an execution would record it. */
function diffOf(state: StateView, writes: readonly Write[]): StateDiff {
  const changes = new Map<Address, Change>();
  const codes = new Map<string, Bytes>();
  for (const next of writes) {
    const address = ADDRESSES[next.who] as Address;
    const before = state.getAccount(address);
    const change = changes.get(address) ?? { before, after: before, slots: new Map() };
    changes.set(address, change);
    if (next.kind === 'slot') change.slots.set(toKey(bigIntToBytes32(next.key)), bigIntToBytes32(next.value));
    else if (next.kind === 'account') change.after = { ...next, codeHash: codeHashOf(next.code, state, codes) };
    if (next.kind !== 'delete') continue;
    change.after = undefined;
    change.slots.clear();
    for (const slot of state.storageOf(address)) change.slots.set(toKey(slot.key), ZERO_HASH);
  }
  const accounts = [...changes].map(([address, change]) => accountDiff(state, address, change));
  return createStateDiff(
    accounts.filter((diff) => diff !== undefined),
    [...codes.values()],
  );
}

function codeHashOf(code: number, state: StateView, codes: Map<string, Bytes>): Hash {
  if (code === 0) return EMPTY_CODE_HASH;
  const bytes = CODES[code - 1] ?? DELEGATION;
  const hash = keccak256(bytes);
  if (state.getCode(hash) === undefined) codes.set(toKey(hash), bytes);
  return hash;
}

function accountDiff(state: StateView, address: Address, { before, after, slots }: Change): AccountDiff | undefined {
  if (after === undefined || isEmptyAccount(after)) return before === undefined ? undefined : { address, deleted: true };
  const old = before ?? ABSENT;
  const changed = [...slots]
    .map(([slot, value]) => ({ key: fromKey(slot), value }))
    .filter((slot) => !bytesEqual(slot.value, state.getStorage(address, slot.key)));
  const diff: AccountDiff = {
    address,
    ...(after.nonce !== old.nonce && { nonce: after.nonce }),
    ...(after.balance !== old.balance && { balance: after.balance }),
    ...(!bytesEqual(after.codeHash, old.codeHash) && { codeHash: after.codeHash }),
    ...(changed.length > 0 && { slots: sortSlots(changed) }),
  };
  return Object.keys(diff).length === 1 ? undefined : diff;
}

/** The same history on both. */
class Pair {
  readonly #options: { readonly journalBytes?: number };
  table: StateTable;
  map = new MapState();

  constructor(options: { readonly journalBytes?: number } = {}) {
    this.#options = options;
    this.table = new StateTable(options);
  }

  take(next: Step): void {
    if (next.kind === 'apply') this.apply(next);
    else if (next.kind === 'rollback') {
      const number = Math.max(this.map.floor, this.table.floor, this.map.number - next.back);
      for (const state of [this.map, this.table]) state.rollback(number);
    } else if (next.kind === 'release') {
      for (const state of [this.map, this.table]) state.release(this.map.number - next.back);
    } else this.#restore(next);
  }

  apply({ byRow, gap, writes }: Apply): void {
    const diff = diffOf(this.map, writes);
    const number = this.map.number + gap;
    this.map.apply(diff, number);
    if (byRow) this.table.applyRows(rowDiffOf(diff, this.table.rows), number);
    else this.table.apply(diff, number);
    if (gap === 1 && this.table.floor < number) expect(this.table.netDiff(number - 1, number)).toEqual(encodeStateDiff(diff));
  }

  #restore({ back, chunkBytes }: Return): void {
    const number = Math.max(this.map.floor, this.table.floor, this.map.number - back);
    const table = new StateTable(this.#options);
    const map = new MapState();
    if (number >= 0) {
      restoreInto(table, this.table, number, chunkBytes);
      restoreInto(map, this.map, number, chunkBytes);
    }
    this.table = table;
    this.map = map;
  }

  check(): void {
    expect(this.table.number).toBe(this.map.number);
    expect(this.table.mark()).toEqual(this.map.mark());
    expect(listAccounts(this.table, ADDRESSES)).toEqual(listAccounts(this.map, ADDRESSES));
    expect(listRows(this.table.rows)).toEqual(listRows(this.map.rows));
    expect([...this.table.entries()].map((entry) => toKey(entry.address)).sort()).toEqual(
      [...this.map.entries()].map((entry) => toKey(entry.address)).sort(),
    );
  }

  /** Every moment that is kept reads as it did, and leads from there to the others. */
  checkHistory(): void {
    const { number } = this.map;
    for (let from = this.table.floor; from <= number; from++) {
      const [view, expected] = [defined(this.table.at(from)), defined(this.map.at(from))];
      expect(listAccounts(view, ADDRESSES)).toEqual(listAccounts(expected, ADDRESSES));
      for (const code of [...CODES, DELEGATION]) {
        expect(view.getCode(keccak256(code))).toEqual(expected.getCode(keccak256(code)));
      }
      const to = from + Math.floor((number - from) / 2);
      expect(this.table.netDiff(from, to)).toEqual(this.map.netDiff(from, to));
      expect(this.table.netDiff(from, number)).toEqual(this.map.netDiff(from, number));
    }
    expect(this.table.at(this.table.floor - 1)).toBeUndefined();
  }
}

test('the table does whatever the maps do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const pair = new Pair();
      for (const next of steps) {
        pair.take(next);
        pair.check();
        expect(pair.table.floor).toBe(pair.map.floor);
        pair.checkHistory();
      }
    }),
    runs(150),
  );
});

test('a table whose old values do not all fit does what the maps do as far as it remembers', () => {
  const large = fc
    .array(write, { minLength: 100, maxLength: 200 })
    .map((writes): Step => ({ kind: 'apply', byRow: true, gap: 1, writes }));
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: large }, step), { minLength: 60, maxLength: 90 }), (steps) => {
      const pair = new Pair({ journalBytes: 65_536 });
      for (const next of steps) pair.take(next);
      pair.check();
      expect(pair.table.floor).toBeGreaterThanOrEqual(pair.map.floor);
      pair.checkHistory();
    }),
    runs(10),
  );
});

test('rows and digest are those of PROTOCOL section 4', () => {
  fc.assert(
    fc.property(fc.array(fc.array(write, { maxLength: 15 }), { minLength: 1, maxLength: 12 }), (miniBlocks) => {
      const state: RestorableState = new StateTable();
      const model = new RegistryModel();
      miniBlocks.forEach((writes, number) => {
        const diff = diffOf(state, writes);
        state.apply(diff, number);
        model.commit(diff);
      });
      expect(state.mark()).toEqual({ accounts: model.accounts.length, slots: model.slots.length, digest: model.digest });
      const [accounts, slots] = [model.accounts, model.slots.map((slot) => `${slot.accountId} ${slot.key}`)];
      const rows = listRows(state.rows).map((row) => row.split(' '));
      expect(rows.slice(0, accounts.length).map((row) => row[1]?.slice(0, 40))).toEqual(accounts);
      expect(rows.slice(accounts.length).map((row) => `${row[1]} ${row[2]?.slice(0, 64)}`)).toEqual(slots);
    }),
    runs(100),
  );
});
