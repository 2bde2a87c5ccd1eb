import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import { Registry } from '../../src/state/registry.ts';
import { type Bytes, bigIntToBytes32, concatBytes, fromKey, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { stateDiff } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';

/** The rule of PROTOCOL section 4 in the plainest words: lists, and look-ups that walk through them. */
class Model {
  accounts: string[] = [];
  slots: { accountId: number; key: string }[] = [];
  digest: Bytes = new Uint8Array(32);

  commit(diff: StateDiff): void {
    for (const { address } of diff.accounts) {
      if (this.accounts.includes(toKey(address))) continue;
      this.#extend(0, this.accounts.push(toKey(address)) - 1, address);
    }
    const fresh = diff.accounts.flatMap(({ address, slots }) =>
      (slots ?? []).map(({ key }) => ({ accountId: this.accounts.indexOf(toKey(address)), key: toKey(key) })),
    );
    fresh.sort((a, b) => a.accountId - b.accountId || (a.key < b.key ? -1 : 1));
    for (const slot of fresh) {
      if (this.slots.some((known) => known.accountId === slot.accountId && known.key === slot.key)) continue;
      this.#extend(1, this.slots.push(slot) - 1, concatBytes(uint64(slot.accountId), fromKey(slot.key)));
    }
  }

  #extend(kind: number, id: number, key: Bytes): void {
    this.digest = keccak256(concatBytes(this.digest, Uint8Array.of(kind), uint64(id), key));
  }
}

function uint64(value: number): Bytes {
  return bigIntToBytes32(BigInt(value)).subarray(24);
}

function expectSame(registry: Registry, model: Model): void {
  expect(registry.mark()).toEqual({ accounts: model.accounts.length, slots: model.slots.length, digest: model.digest });
  const rows = registry.rowsSince({ accounts: 0, slots: 0 });
  expect(rows.accounts.map(toKey)).toEqual(model.accounts);
  expect(rows.slots.map(({ accountId, key }) => ({ accountId, key: toKey(key) }))).toEqual(model.slots);
}

const history = fc.array(stateDiff, { minLength: 1, maxLength: 8 });

test('ids and digest are those of the model after every mini-block', () => {
  fc.assert(
    fc.property(history, (diffs) => {
      const registry = new Registry();
      const model = new Model();
      for (const diff of diffs) {
        const before = registry.mark();
        registry.commit(diff);
        model.commit(diff);
        expectSame(registry, model);
        expect(registry.rowsSince(before).accounts.map(toKey)).toEqual(model.accounts.slice(before.accounts));
        expect(registry.rowsSince(before).slots).toHaveLength(model.slots.length - before.slots);
      }
    }),
    runs(100),
  );
});

test('what was truncated is as if it had never been committed', () => {
  fc.assert(
    fc.property(history, history, history, (kept, undone, next) => {
      const registry = new Registry();
      const model = new Model();
      for (const diff of kept) {
        registry.commit(diff);
        model.commit(diff);
      }
      const mark = registry.mark();
      for (const diff of undone) registry.commit(diff);
      registry.truncate(mark);
      expectSame(registry, model);
      for (const diff of next) {
        registry.commit(diff);
        model.commit(diff);
      }
      expectSame(registry, model);
    }),
    runs(60),
  );
});

test('a registry that was loaded goes on as the one it was stored from', () => {
  fc.assert(
    fc.property(history, history, (stored, next) => {
      const registry = new Registry();
      for (const diff of stored) registry.commit(diff);
      const loaded = new Registry();
      loaded.load(registry.rowsSince({ accounts: 0, slots: 0 }), registry.mark().digest);
      expect(loaded.mark()).toEqual(registry.mark());
      for (const diff of next) {
        registry.commit(diff);
        loaded.commit(diff);
        expect(loaded.mark()).toEqual(registry.mark());
      }
    }),
    runs(60),
  );
});

test('rows are loaded into an empty registry only', () => {
  const registry = new Registry();
  registry.commit({ accounts: [{ address: new Uint8Array(20), nonce: 1n }], codes: [] });
  const { digest } = registry.mark();
  expect(() => registry.load(registry.rowsSince({ accounts: 0, slots: 0 }), digest)).toThrow('empty registry');
});
