import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import type { PoolPageEntry } from '../../../src/protocol/ports/pool.ts';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { Mempool } from '../../../src/sequencer/mempool.ts';
import { PoolListing } from '../../../src/sequencer/pool-listing.ts';
import { defined } from '../../support/defined.ts';
import { PoolState, poolTransaction, senderOf } from '../../support/pool-transactions.ts';

const [alice, bob] = [senderOf(0), senderOf(1)];
let pool: Mempool;
let listing: PoolListing;

beforeEach(() => {
  const options = { chainId: 1, maxTransactionGas: 16_777_216n, baseFeeFloorWei: 7n, lifetimeMs: 1_000 };
  pool = new Mempool(
    { ...options, maxTransactions: 5_000, maxPerSender: 5_000, ordering: 'fifo' },
    { state: new PoolState(), nowMs: () => 0 },
  );
  listing = new PoolListing({ mempool: pool });
});

function add(sender: Uint8Array, nonce: number, fields: Partial<Transaction> = {}): Transaction {
  const transaction = poolTransaction({ nonce: BigInt(nonce), ...fields });
  pool.add(transaction, sender);
  return transaction;
}

async function listed(limit = 100, sender?: Uint8Array): Promise<[bigint, boolean][]> {
  const transactions = await listing.list(limit, sender);
  return transactions.map(({ transaction, isQueued }) => [transaction.nonce, isQueued]);
}

test('a gap makes what is behind it queued, until it closes', async () => {
  for (const nonce of [0, 1, 3, 4]) add(alice, nonce);
  add(bob, 2);
  expect(await listing.counts()).toEqual({ pending: 2, queued: 3 });
  expect(await listed()).toEqual([
    [0n, false],
    [1n, false],
    [3n, true],
    [4n, true],
    [2n, true],
  ]);
  add(alice, 2);
  expect(await listing.counts()).toEqual({ pending: 5, queued: 1 });
  expect(await listed(100, bob)).toEqual([[2n, true]]);
  expect((await listed(100, alice)).every(([, isQueued]) => !isQueued)).toBe(true);
  expect(await listed(100, senderOf(9))).toEqual([]);
});

test('counts follow execution and replacement', async () => {
  for (const nonce of [0, 1, 5]) add(alice, nonce);
  add(alice, 5, { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 1_000n });
  expect(await listing.counts()).toEqual({ pending: 2, queued: 1 });
  pool.included(defined(pool.next()));
  expect(await listing.counts()).toEqual({ pending: 1, queued: 1 });
});

test('more than the limit is refused', async () => {
  for (let nonce = 0; nonce < 4; nonce++) add(alice, nonce);
  await expect(listing.list(3)).rejects.toMatchObject({ code: 'POOL_TOO_LARGE' });
  expect(await listing.list(4)).toHaveLength(4);
});

describe('pages', () => {
  /** Reads page by page; `between` may change the pool. */
  async function readAll(sender?: Uint8Array, between: () => void = () => {}): Promise<PoolPageEntry[][]> {
    const pages: PoolPageEntry[][] = [];
    for (let from: number | undefined = 0; from !== undefined; ) {
      const page = await listing.page(from, sender);
      pages.push([...page.entries]);
      from = page.next;
      between();
    }
    return pages;
  }

  const large = { raw: new Uint8Array(MAX_TRANSACTION_BYTES / 2) };

  test('hold as many transactions as fit, and one that fits in none', async () => {
    add(alice, 0, large);
    add(alice, 1, large);
    add(alice, 2, { raw: new Uint8Array(MAX_TRANSACTION_BYTES) });
    add(bob, 0);
    expect((await readAll()).map((page) => page.length)).toEqual([2, 1, 1]);
    expect((await readAll(bob)).map((page) => page.length)).toEqual([1]);
    for (let nonce = 1; nonce < 1_500; nonce++) add(bob, nonce);
    expect((await readAll(bob)).map((page) => page.length)).toEqual([1_024, 476]);
  });

  test('of a pool that changes meanwhile repeat nothing and miss nothing that stays', async () => {
    for (let nonce = 0; nonce < 6; nonce++) add(alice, nonce, large);
    let newcomers = 0;
    const pages = await readAll(undefined, () => {
      pool.included(defined(pool.next()));
      if (newcomers < 3) add(bob, newcomers++);
    });
    const senders = pages.flat().map(({ sender }) => sender[0]);
    expect(senders.filter((first) => first === alice[0])).toHaveLength(6);
    expect(senders.filter((first) => first === bob[0]).length).toBeGreaterThan(0);
  });

  test('an empty pool has one', async () => {
    expect(await listing.page(0, undefined)).toEqual({ entries: [], next: undefined });
  });
});
