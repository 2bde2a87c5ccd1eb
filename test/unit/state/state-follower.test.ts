import { expect, onTestFinished, test } from 'vitest';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import { StateFollower } from '../../../src/state/state-follower.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import type { TableMoment } from '../../../src/state/table/table-moment.ts';
import { TableReader } from '../../../src/state/table/table-reader.ts';
import { bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { startWorker } from '../../../src/util/start-worker.ts';
import { defined } from '../../support/defined.ts';
import type { PinnedReaderData, PinnedReaderMessage, Seen } from './fixtures/pinned-reader-worker.ts';
import { addressOf, slotsDiff, word } from './table/table-diffs.ts';

const ACCOUNTS = 20;
const SLOTS = 20;
const MINI_BLOCKS = 800;
/** Every so often the newest mini-blocks are undone and made anew with other contents. */
const ROLLBACK_EVERY = 100;
const UNDONE = 7;

/** Every account and slot says the same: a view that mixes two mini-blocks shows two values. */
function uniform(value: number): StateDiff {
  const accounts = Array.from({ length: ACCOUNTS }, (_, account) => ({
    address: addressOf(account),
    nonce: BigInt(value),
    slots: Array.from({ length: SLOTS }, (__, slot) => ({ key: word(slot), value: word(value) })),
  }));
  return { accounts, codes: [] };
}

const momentOf = (table: StateTable): TableMoment => defined(table.momentAt(table.number));

test('each view in another thread is of one mini-block, while many more are applied and undone', async () => {
  const table = new StateTable();
  table.apply(uniform(1), 1);
  const data: PinnedReaderData = { table: table.share(), begin: momentOf(table), accounts: ACCOUNTS, slots: SLOTS };
  const worker = startWorker(new URL('./fixtures/pinned-reader-worker.ts', import.meta.url), { workerData: data });
  onTestFinished(async () => void (await worker.terminate()));
  const seen: Seen[] = [];
  const ended = new Promise<{ forgotten: number }>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: Seen | { forgotten: number }) => {
      if ('forgotten' in message) resolve(message);
      else seen.push(message);
    });
  });
  const tell = (message: PinnedReaderMessage): void => worker.postMessage(message);
  const valueAt = [0, 1];
  for (let value = 2; value <= MINI_BLOCKS; value++) {
    const number = table.number + 1;
    table.apply(uniform(value), number);
    valueAt[number] = value;
    tell({ kind: 'miniBlock', moment: momentOf(table), value });
    if (value % ROLLBACK_EVERY === 0) {
      const target = defined(table.momentAt(table.number - UNDONE));
      const moment = { ...target, rollbacks: table.rollbacks + 1 };
      tell({ kind: 'rollback', moment, value: defined(valueAt[target.number]) });
      table.rollback(target.number);
    }
    if (value % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  tell({ kind: 'end' });
  const { forgotten } = await ended;
  expect(seen.length + forgotten).toBeGreaterThan(MINI_BLOCKS);
  expect(seen.length).toBeGreaterThan(MINI_BLOCKS / 10);
  for (const { expected, nonces, values } of seen) {
    expect(nonces).toEqual([expected]);
    expect(values).toEqual([Buffer.from(bigIntToBytes32(BigInt(expected))).toString('hex')]);
  }
});

test('a moment that is undone, or whose old values are gone, is said to be forgotten', () => {
  const table = new StateTable();
  for (let number = 1; number <= 5; number++) table.apply(slotsDiff(1, number, 0, [number]), number);
  const at = (number: number): TableMoment => defined(table.momentAt(number));
  const begin = { newest: at(5), blockEnds: [2, 4].map((number) => ({ blockNumber: number, moment: at(number) })) };
  const follower = new StateFollower(begin, {
    reader: TableReader.attach(table.share()),
    rangeOf: async (from, to) => table.rangeOf(from, to),
  });
  const valueIn = (view: ReturnType<typeof follower.stateAt>): unknown => view?.getStorage(addressOf(1), word(0));
  expect([follower.latest(), follower.stateAt(2), follower.stateAt(4)].map(valueIn)).toEqual([5, 2, 4].map(word));
  expect(follower.stateAt(3)).toBeUndefined();
  const upTo = (number: number) => follower.blockUpTo(number);
  expect([upTo(2), upTo(9)]).toMatchObject([
    { blockNumber: 2, moment: at(2) },
    { blockNumber: 4, moment: at(4) },
  ]);
  expect(upTo(3)).toBeUndefined();

  const [newest, second] = [follower.latest(), follower.stateAt(2)];
  const target = { ...at(3), rollbacks: table.rollbacks + 1 };
  table.rollback(3);
  const forgotten = expect.objectContaining({ code: 'STATE_FORGOTTEN' });
  // Nobody has told the follower yet: it cannot know what was undone.
  expect(() => valueIn(newest)).toThrow(forgotten);
  expect(() => valueIn(second)).toThrow(forgotten);
  follower.onRollback(target, 3);
  expect(valueIn(follower.latest())).toEqual(word(3));
  expect(valueIn(second)).toEqual(word(2));
  expect(follower.stateAt(4)).toBeUndefined();
  expect(() => valueIn(newest)).toThrow(forgotten);

  table.apply(slotsDiff(1, 9, 0, [9]), 4);
  follower.onMiniBlock(at(4));
  follower.onSealed(4);
  expect([follower.latest(), follower.stateAt(4)].map(valueIn)).toEqual([9, 9].map(word));
  table.release(3);
  expect(() => valueIn(second)).toThrow(forgotten);
  expect(valueIn(follower.stateAt(4))).toEqual(word(9));
});

test('storage, codes and accounts of a view are those of its moment', () => {
  const table = new StateTable();
  table.apply(slotsDiff(1, 1, 0, [1, 2, 0, 4]), 1);
  const follower = new StateFollower(
    { newest: defined(table.momentAt(1)), blockEnds: [] },
    { reader: TableReader.attach(table.share()), rangeOf: async (from, to) => table.rangeOf(from, to) },
  );
  const expected = table.at(1);
  table.apply(slotsDiff(1, 2, 0, [0, 7, 8, 4, 5]), 2);
  table.apply(slotsDiff(2, 1, 0, [1]), 3);
  const view = follower.latest();
  const listed = [...view.storageOf(addressOf(1))].map(({ key, value }) => [key, value]);
  expect(listed).toEqual([...defined(expected).storageOf(addressOf(1))].map(({ key, value }) => [key, value]));
  expect(listed).toHaveLength(3);
  expect(view.getAccount(addressOf(2))).toBeUndefined();
  expect([...view.storageOf(addressOf(2))]).toEqual([]);
});

test('the changes of the newest state are those that the owner would tell', async () => {
  const table = new StateTable();
  for (let number = 1; number <= 6; number++) table.apply(slotsDiff(number % 3, number, number, [number, 7]), number);
  const share = {
    reader: TableReader.attach(table.share()),
    rangeOf: async (from: number, to: number) => table.rangeOf(from, to),
  };
  const follower = new StateFollower({ newest: defined(table.momentAt(5)), blockEnds: [] }, share);
  expect(await follower.changesSince(2)).toEqual(table.netDiff(2, 5));
  // Another mini-block has that number by now.
  table.rollback(4);
  table.apply(slotsDiff(9, 1, 0, [1]), 5);
  expect(await follower.changesSince(2)).toBeUndefined();
  follower.onMiniBlock(defined(table.momentAt(5)));
  expect(await follower.changesSince(2)).toEqual(table.netDiff(2, 5));
  table.release(3);
  expect(await follower.changesSince(2)).toBeUndefined();
});
