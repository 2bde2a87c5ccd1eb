import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateUndo } from '../../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type StateDiff, sortSlots } from '../../../src/protocol/state-diff.ts';
import { FlatState } from '../../../src/state/flat-state.ts';
import { ChainDatabase } from '../../../src/store/chain-database.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { describeState, loadFlatState } from '../../support/chain-store-kit.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const address = (id: number): Uint8Array => new Uint8Array(20).fill(id === 0 ? 0xff : id);
const CODE = Uint8Array.of(0x60, 0x00);

/** One account's part of a diff; `deleted` holds only where the account exists. */
const change = fc.record({
  id: fc.nat(4),
  deleted: fc.boolean(),
  nonce: fc.option(fc.bigInt(0n, 300n)),
  balance: fc.option(fc.bigInt(0n, 2n ** 200n)),
  code: fc.option(fc.boolean()),
  slots: fc.uniqueArray(fc.tuple(fc.nat(5), fc.nat(2)), { selector: ([key]) => key, maxLength: 4 }),
});
const changes = fc.uniqueArray(change, { selector: ({ id }) => id, maxLength: 4 });

function toDiff(parts: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[], state: FlatState): StateDiff {
  const accounts: AccountDiff[] = [];
  for (const part of parts) {
    const exists = state.getAccount(address(part.id)) !== undefined;
    if (part.deleted && exists) accounts.push({ address: address(part.id), deleted: true });
    if (part.deleted) continue;
    const slots = sortSlots(
      part.slots.map(([key, value]) => ({ key: bigIntToBytes32(BigInt(key)), value: bigIntToBytes32(BigInt(value)) })),
    );
    accounts.push({
      address: address(part.id),
      ...(part.nonce !== null && { nonce: part.nonce }),
      // An existing account stays one: EIP-161 leaves no empty accounts.
      balance: (part.balance ?? 0n) + 1n,
      ...(part.code !== null && { codeHash: part.code ? keccak256(CODE) : EMPTY_CODE_HASH }),
      ...(slots.length > 0 && { slots }),
    });
  }
  return createStateDiff(accounts, [CODE]);
}

test('the stored state follows every diff and every undo like the one in memory', async () => {
  const level = await openLevel(tempDirectory());
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { maxLength: 6 }), fc.nat(6), async (blocks, back) => {
      await level.clear();
      const database = new ChainDatabase(level);
      const state = new FlatState();
      const undos: StateUndo[] = [];
      for (const parts of blocks) {
        const diff = toDiff(parts, state);
        undos.push(state.apply(diff));
        await database.write((batch, pacer) => database.state.putDiff(batch, diff, pacer));
        expect(describeState(await loadFlatState({ loadState: () => database.state.load() }))).toEqual(describeState(state));
      }
      const undone = undos.splice(Math.max(0, undos.length - back)).reverse();
      for (const undo of undone) state.undo(undo);
      await database.write((batch, pacer) => database.state.putUndos(batch, undone, pacer));
      expect(describeState(await loadFlatState({ loadState: () => database.state.load() }))).toEqual(describeState(state));
    }),
    { numRuns: 150 },
  );
  await level.close();
});

test('a state of many chunks is loaded whole, an account that crosses them too', async () => {
  const database = new ChainDatabase(await openLevel(tempDirectory()));
  const slots = Array.from({ length: 10_000 }, (_, i) => ({
    key: bigIntToBytes32(BigInt(i)),
    value: bigIntToBytes32(BigInt(i + 1)),
  }));
  const diff = createStateDiff(
    [
      { address: address(1), nonce: 1n, slots },
      { address: address(2), balance: 7n },
    ],
    [],
  );
  const state = new FlatState();
  state.apply(diff);
  await database.write((batch, pacer) => database.state.putDiff(batch, diff, pacer));
  let chunks = 0;
  for await (const chunk of database.state.load()) chunks += chunk.accounts.length > 0 ? 1 : 0;
  expect(chunks).toBeGreaterThan(2);
  expect(describeState(await loadFlatState({ loadState: () => database.state.load() }))).toEqual(describeState(state));
  await database.close();
});
