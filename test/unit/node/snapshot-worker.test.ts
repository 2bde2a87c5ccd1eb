import { expect, it, onTestFinished } from 'vitest';
import { restoreNewestSnapshot } from '../../../src/node/snapshot-restore.ts';
import { startSnapshotThread } from '../../../src/node/snapshot-thread.ts';
import type { StateView } from '../../../src/protocol/ports/state.ts';
import { createStateDiff, type StateDiff, sortSlots } from '../../../src/protocol/state-diff.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import type { TableHandle } from '../../../src/state/table/table-reader.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import type { SnapshotPoint } from '../../../src/store/snapshot/snapshot-types.ts';
import { bigIntToBytes32, toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { pointAt } from '../store/snapshot/snapshot-kit.ts';

const CODE = new Uint8Array(2_000).fill(0x5b);
const ACCOUNTS = 300;
const SLOTS = 40;
const HEAD = pointAt(1).head.number;

const addressOf = (index: number): Uint8Array => keccak256(bigIntToBytes32(BigInt(index))).subarray(0, 20);
const keyOf = (slot: number): Uint8Array => bigIntToBytes32(BigInt(slot));

/** Sets every account and slot to something that `round` decides. */
function diffOf(round: number): StateDiff {
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => ({
    address: addressOf(index),
    nonce: BigInt(round + index),
    balance: BigInt(round) * 10n ** 18n + BigInt(index),
    ...(round === 1 && index === 0 ? { codeHash: keccak256(CODE) } : {}),
    slots: sortSlots(
      Array.from({ length: SLOTS }, (_slot, slot) => ({ key: keyOf(slot), value: bigIntToBytes32(BigInt((round * slot) % 7)) })),
    ),
  }));
  return createStateDiff(accounts, round === 1 ? [CODE] : []);
}

function describeState(state: StateView): unknown {
  return Array.from({ length: ACCOUNTS }, (_, index) => {
    const address = addressOf(index);
    const account = defined(state.getAccount(address));
    const slots = Array.from({ length: SLOTS }, (_slot, slot) => toKey(state.getStorage(address, keyOf(slot))));
    return [account.nonce, account.balance, toKey(account.codeHash), slots];
  });
}

function pointOf(table: StateTable): SnapshotPoint {
  const point = pointAt(1);
  return { ...point, seal: { ...defined(point.seal), registryDigest: table.mark().digest } };
}

it('writes the state of one mini-block in its thread while later ones are applied, and it comes back', async () => {
  const directory = tempDirectory();
  const table = new StateTable();
  table.apply(diffOf(1), 0);
  table.apply(diffOf(2), HEAD);
  const expected = describeState(table);
  const point = pointOf(table);
  const release = table.retain(HEAD);
  const { genesisHash } = point;
  const host = startSnapshotThread<TableHandle>({ directory, genesisHash });
  onTestFinished(() => host.stop());
  const writing = host.write({ point, handle: table.share() });
  let isWritten = false;
  const written = writing.finally(() => {
    isWritten = true;
  });
  for (let round = 3; !isWritten; round++) {
    table.apply(diffOf(round), HEAD + round);
    table.release(HEAD + round);
    await new Promise(setImmediate);
  }
  await written;
  release();
  expect(describeState(table)).not.toEqual(expected);

  const store = await SnapshotStore.open({ directory, genesisHash });
  const empty = () => {
    const state = new StateTable();
    return { state, loader: state.loader() };
  };
  const restored = defined(await restoreNewestSnapshot(empty, { store, logger: { error: (_, text) => expect.fail(text) } }));
  expect(restored.state.number).toBe(HEAD);
  expect(describeState(restored.state)).toEqual(expected);
  expect(restored.state.getCode(keccak256(CODE))).toEqual(CODE);
  expect(restored.state.mark()).toEqual(restored.manifest.mark);
});

it('says that it was outrun when the state is not kept', async () => {
  const table = new StateTable();
  table.apply(diffOf(1), 0);
  table.apply(diffOf(2), HEAD);
  const point = pointOf(table);
  const host = startSnapshotThread<TableHandle>({ directory: tempDirectory(), genesisHash: point.genesisHash });
  onTestFinished(() => host.stop());
  await expect(host.write({ point, handle: table.share() })).rejects.toMatchObject({ code: 'SNAPSHOT_OUTRUN' });
});
