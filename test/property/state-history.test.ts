import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateReader, StateUndo, StateView } from '../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { FlatState } from '../../src/state/flat-state.ts';
import type { KeyedState } from '../../src/state/keyed-state.ts';
import { StateHistory } from '../../src/state/state-history.ts';
import { type Bytes, bigIntToBytes32, isZeroBytes, toHex, toKey } from '../../src/util/bytes.ts';
import { runs } from '../support/property-runs.ts';

const KEPT_BLOCKS = 3;
const ADDRESSES = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte));
const KEYS = [1, 2, 3].map((value) => bigIntToBytes32(BigInt(value)));

type Write =
  | { readonly kind: 'account'; readonly who: number; readonly balance: number; readonly code: number }
  | { readonly kind: 'slot'; readonly who: number; readonly key: number; readonly value: number }
  | { readonly kind: 'delete'; readonly who: number };

type Step =
  | { readonly kind: 'miniBlock'; readonly writes: readonly Write[] }
  | { readonly kind: 'seal' }
  /** Undoes whole sealed blocks, or that many mini-blocks of the open one. */
  | { readonly kind: 'rollback'; readonly blocks: number; readonly miniBlocks: number };

const small = (max: number) => fc.nat({ max });
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('account' as const), who: small(2), balance: small(3), code: small(2) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('slot' as const), who: small(2), key: small(2), value: small(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), who: small(2) }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('miniBlock' as const), writes: fc.array(write, { maxLength: 6 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback' as const), blocks: small(2), miniBlocks: small(2) }) },
);

/** Everything that can be read of a state, as text. */
function contents(state: StateReader): string[] {
  return ADDRESSES.flatMap((address) => {
    const account = state.getAccount(address);
    const slots = KEYS.map((key) => toHex(state.getStorage(address, key)));
    if (account === undefined) return [`none ${slots}`];
    return [`${account.nonce} ${account.balance} ${toHex(account.codeHash)} ${slots}`];
  });
}

/** The storage of every account as the listing gives it. */
function listings(state: KeyedState): string[] {
  return ADDRESSES.map((address) => {
    const slots = [...(state.slotsAt(toKey(address)) ?? [])].map(([key, value]) => `${key}=${toKey(value)}`);
    return slots.sort().join();
  });
}

/** A chain as ChainState keeps it, with a copy of the state at the end of each sealed block. */
class Model {
  readonly state = new FlatState();
  readonly history = new StateHistory(this.state, KEPT_BLOCKS);
  /** Undo records by block; the last is the open block, if it is above the head. */
  readonly undos: StateUndo[][] = [[]];
  readonly sealed: { contents: string[]; listings: string[] }[] = [this.#copy()];
  highest = 0;

  get head(): number {
    return this.sealed.length - 1;
  }

  #copy() {
    return { contents: contents(this.state), listings: listings(this.state) };
  }

  miniBlock(writes: readonly Write[]): void {
    const world = this.state.overlay();
    for (const next of writes) {
      const address = ADDRESSES[next.who] as Bytes;
      if (next.kind === 'delete') world.deleteAccount(address);
      else if (next.kind === 'slot') world.setStorage(address, KEYS[next.key] as Bytes, bigIntToBytes32(BigInt(next.value)));
      else {
        const codeHash = next.code === 0 ? EMPTY_CODE_HASH : world.putCode(Uint8Array.of(next.code));
        world.setAccount(address, { nonce: 0n, balance: BigInt(next.balance), codeHash });
      }
    }
    const blockNumber = this.head + 1;
    this.highest = Math.max(this.highest, blockNumber);
    const undo = this.state.apply(world.takeDiff());
    this.history.record(blockNumber, undo);
    this.undos[blockNumber] = [...(this.undos[blockNumber] ?? []), undo];
  }

  seal(): void {
    if (this.undos[this.head + 1] === undefined) this.miniBlock([]);
    this.sealed.push(this.#copy());
  }

  rollback(blocks: number, miniBlocks: number): void {
    const head = this.head - Math.min(blocks, this.head);
    const keptOpen = blocks === 0 ? Math.max(0, (this.undos[head + 1]?.length ?? 0) - miniBlocks) : 0;
    for (let number = this.undos.length - 1; number > head; number--) {
      const undos = this.undos[number] as StateUndo[];
      const kept = number === head + 1 ? keptOpen : 0;
      while (undos.length > kept) this.state.undo(undos.pop() as StateUndo);
      if (kept === 0) this.undos.pop();
    }
    this.sealed.length = head + 1;
    this.history.truncate(keptOpen > 0 ? head + 1 : head);
  }

  check(): void {
    for (let number = 0; number <= this.head; number++) {
      const view = this.history.at(number, this.head);
      if (number >= this.highest - KEPT_BLOCKS) expect(view).toBeDefined();
      if (number < this.head - KEPT_BLOCKS) expect(view).toBeUndefined();
      if (view !== undefined) this.#checkView(view, this.sealed[number] as Model['sealed'][number]);
    }
  }

  #checkView(view: StateView, expected: Model['sealed'][number]): void {
    expect(contents(view)).toEqual(expected.contents);
    expect(contents(view.overlay())).toEqual(expected.contents);
    expect(listings(view as StateView & KeyedState)).toEqual(expected.listings);
    for (const address of ADDRESSES) {
      const { codeHash } = view.getAccount(address) ?? { codeHash: EMPTY_CODE_HASH };
      if (toHex(codeHash) !== toHex(EMPTY_CODE_HASH)) expect(view.getCode(codeHash)).toHaveLength(1);
    }
  }
}

test('each kept block reads as it did when it was sealed, whatever came later or was undone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const model = new Model();
      for (const next of steps) {
        if (next.kind === 'miniBlock') model.miniBlock(next.writes);
        else if (next.kind === 'seal') model.seal();
        else model.rollback(next.blocks, next.miniBlocks);
        model.check();
      }
    }),
    runs(300),
  );
});

test('writes into an overlay of an old block stay there, and clear its storage as it was then', () => {
  const model = new Model();
  const [address, key] = [ADDRESSES[0], KEYS[0]] as [Bytes, Bytes];
  const account: Write = { kind: 'account', who: 0, balance: 1, code: 0 };
  model.miniBlock([account, { kind: 'slot', who: 0, key: 0, value: 1 }]);
  model.seal();
  model.miniBlock([{ kind: 'delete', who: 0 }]);
  model.seal();
  const old = model.history.at(1, 2) as StateView;
  const world = old.overlay();
  world.clearStorage(address);
  expect(isZeroBytes(world.getStorage(address, key))).toBe(true);
  expect(world.takeDiff().accounts).toMatchObject([{ address, slots: [{ key }] }]);
  expect(isZeroBytes(old.getStorage(address, key))).toBe(false);
  expect(model.state.getAccount(address)).toBeUndefined();
});

test('after a restart only the head is known, until blocks follow', () => {
  const model = new Model();
  model.miniBlock([{ kind: 'account', who: 0, balance: 1, code: 0 }]);
  const history = new StateHistory(model.state);
  expect(contents(history.at(50, 50) as StateView)).toEqual(contents(model.state));
  expect(history.at(49, 50)).toBeUndefined();
  history.record(51, { accounts: [] });
  expect(history.at(50, 50)).toBeDefined();
  expect(history.at(49, 51)).toBeUndefined();
});
