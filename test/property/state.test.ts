import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { type Account, EMPTY_CODE_HASH, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { decodeStateDiff, encodeStateDiff, isEmptyAccount } from '../../src/protocol/state-diff.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { type Bytes, bigIntToBytes32, isZeroBytes, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { MapState } from '../support/map-state.ts';
import { netDiffOf } from '../support/net-diffs.ts';

const ADDRESSES = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte));
const KEYS = [1, 2, 3].map((value) => bigIntToBytes32(BigInt(value)));
const CODES = [1, 2].map((byte) => Uint8Array.of(byte));

type Step =
  | { kind: 'account'; who: number; nonce: number; balance: number; code: number }
  | { kind: 'storage'; who: number; key: number; value: number }
  | { kind: 'clear' | 'delete'; who: number }
  | { kind: 'checkpoint' | 'commit' | 'revert' | 'begin' | 'take' | 'release' };

const small = (max: number) => fc.nat({ max });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('account' as const),
      who: small(2),
      nonce: small(1),
      balance: small(2),
      code: small(2),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('storage' as const), who: small(2), key: small(2), value: small(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('clear' as const, 'delete' as const), who: small(2) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('checkpoint', 'commit', 'revert', 'begin', 'take', 'release') as fc.Arbitrary<'checkpoint'>,
    }),
  },
);

/** Whole states in plain maps, copied at each checkpoint. */
interface Snapshot {
  readonly accounts: Map<string, Account>;
  /** By address and key; zero slots are absent. */
  readonly slots: Map<string, Bytes>;
}

class Model {
  now: Snapshot = { accounts: new Map(), slots: new Map() };
  transactionStart: Snapshot = copy(this.now);
  readonly checkpoints: Snapshot[] = [];

  setAccount(address: Bytes, account: Account): void {
    this.now.accounts.set(toKey(address), account);
  }

  setStorage(address: Bytes, key: Bytes, value: Bytes): void {
    if (isZeroBytes(value)) this.now.slots.delete(toKey(address) + toKey(key));
    else this.now.slots.set(toKey(address) + toKey(key), value);
  }

  clear(address: Bytes): void {
    for (const key of KEYS) this.setStorage(address, key, ZERO_HASH);
  }

  delete(address: Bytes): void {
    this.clear(address);
    this.now.accounts.delete(toKey(address));
  }

  /** EIP-161 at the end of a mini-block. */
  dropEmpty(): void {
    for (const address of ADDRESSES) {
      const account = this.now.accounts.get(toKey(address));
      if (account === undefined || isEmptyAccount(account)) this.delete(address);
    }
  }
}

function copy(snapshot: Snapshot): Snapshot {
  return { accounts: new Map(snapshot.accounts), slots: new Map(snapshot.slots) };
}

function observe(state: { getAccount: WorldState['getAccount']; getStorage: WorldState['getStorage'] }): Snapshot {
  const accounts = new Map<string, Account>();
  const slots = new Map<string, Bytes>();
  for (const address of ADDRESSES) {
    const account = state.getAccount(address);
    if (account !== undefined) accounts.set(toKey(address), account);
    for (const key of KEYS) {
      const value = state.getStorage(address, key);
      if (!isZeroBytes(value)) slots.set(toKey(address) + toKey(key), value);
    }
  }
  return { accounts, slots };
}

/** Does `step` on both; false when it makes no sense at this point. */
function perform(world: WorldState, model: Model, step: Step): boolean {
  switch (step.kind) {
    case 'account': {
      const code = CODES[step.code];
      const codeHash = code === undefined ? EMPTY_CODE_HASH : world.putCode(code);
      const account = { nonce: BigInt(step.nonce), balance: BigInt(step.balance), codeHash };
      world.setAccount(ADDRESSES[step.who] as Bytes, account);
      model.setAccount(ADDRESSES[step.who] as Bytes, account);
      return true;
    }
    case 'storage': {
      const write = [ADDRESSES[step.who], KEYS[step.key], bigIntToBytes32(BigInt(step.value))] as [Bytes, Bytes, Bytes];
      world.setStorage(...write);
      model.setStorage(...write);
      return true;
    }
    case 'clear':
      world.clearStorage(ADDRESSES[step.who] as Bytes);
      model.clear(ADDRESSES[step.who] as Bytes);
      return true;
    case 'delete':
      world.deleteAccount(ADDRESSES[step.who] as Bytes);
      model.delete(ADDRESSES[step.who] as Bytes);
      return true;
    case 'checkpoint':
      world.checkpoint();
      model.checkpoints.push(copy(model.now));
      return true;
    case 'begin':
      // A transaction begins where no checkpoint is open: a revert behind its start has no meaning.
      if (model.checkpoints.length > 0) return false;
      world.beginTransaction();
      model.transactionStart = copy(model.now);
      return true;
    default:
      return closeCheckpoint(world, model, step.kind);
  }
}

function closeCheckpoint(world: WorldState, model: Model, kind: string): boolean {
  const saved = model.checkpoints.at(-1);
  if (saved === undefined || (kind !== 'commit' && kind !== 'revert')) return false;
  model.checkpoints.pop();
  if (kind === 'commit') world.commit();
  else {
    world.revert();
    model.now = saved;
  }
  return true;
}

test('the journal, the layers and the diffs agree with whole copies of the state', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const committed = new MapState();
      const world = new OverlayState(committed);
      let number = 0;
      const model = new Model();
      const taken: { diff: ReturnType<WorldState['takeDiff']>; after: Snapshot }[] = [];
      for (const next of steps) {
        if (next.kind === 'take' && model.checkpoints.length === 0) {
          const diff = world.takeDiff();
          model.dropEmpty();
          model.transactionStart = copy(model.now);
          taken.push({ diff, after: copy(model.now) });
        } else if (next.kind === 'release' && taken.length > 0) {
          const { diff, after } = taken.shift() as (typeof taken)[number];
          expect(decodeStateDiff(encodeStateDiff(diff))).toEqual(diff);
          committed.apply(diff, ++number);
          world.release();
          expect(observe(committed)).toEqual(after);
        } else perform(world, model, next);
        expect(observe(world)).toEqual(model.now);
        expect(observeOriginals(world)).toEqual(model.transactionStart.slots);
      }
    }),
    { numRuns: 400 },
  );
});

function observeOriginals(world: WorldState): Map<string, Bytes> {
  const slots = new Map<string, Bytes>();
  for (const address of ADDRESSES) {
    for (const key of KEYS) {
      const value = world.getOriginalStorage(address, key);
      if (!isZeroBytes(value)) slots.set(toKey(address) + toKey(key), value);
    }
  }
  return slots;
}

test('a rollback takes back what apply did, and the net diff of a block does what its mini-blocks did', () => {
  const miniBlock = fc.array(step, { maxLength: 15 });
  fc.assert(
    fc.property(miniBlock, fc.array(miniBlock, { minLength: 1, maxLength: 4 }), (before, miniBlocks) => {
      const state = new MapState();
      const twin = new MapState();
      for (const target of [state, twin]) target.apply(execute(target, before), 1);
      const start = observe(state);

      for (const [i, steps] of miniBlocks.entries()) state.apply(execute(state, steps), i + 2);
      const net = netDiffOf(state, 1, miniBlocks.length + 1);
      twin.apply(net, 2);
      expect(observe(twin)).toEqual(observe(state));
      for (const account of twin.entries()) {
        if (toKey(account.account.codeHash) !== toKey(EMPTY_CODE_HASH)) {
          expect(keccak256(twin.getCode(account.account.codeHash) as Bytes)).toEqual(account.account.codeHash);
        }
      }
      state.rollback(1);
      expect(observe(state)).toEqual(start);
    }),
    { numRuns: 300 },
  );
});

function execute(state: MapState, steps: readonly Step[]): ReturnType<WorldState['takeDiff']> {
  const world = new OverlayState(state);
  const model = new Model();
  for (const next of steps) perform(world, model, next);
  while (model.checkpoints.length > 0) closeCheckpoint(world, model, 'commit');
  return world.takeDiff();
}
