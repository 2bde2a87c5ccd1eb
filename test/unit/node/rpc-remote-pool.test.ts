import { afterEach, expect, test, vi } from 'vitest';
import { RecentlyPooled } from '../../../src/node/recently-pooled.ts';
import { RemotePool, type RemotePoolModules } from '../../../src/node/rpc-remote-pool.ts';
import { decodeTransaction } from '../../../src/protocol/transaction.ts';
import { type Bytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { ALICE, signTransfer } from '../../support/rpc-harness.ts';

afterEach(() => vi.restoreAllMocks());

/** The pool of a sequencer as a node sees it, which knows at most one transaction, and what the node's own state says. */
function remotePool(recentlyPooled: RecentlyPooled | undefined) {
  const there: { raw: Bytes | undefined; nonce: bigint } = { raw: undefined, nonce: 0n };
  const core = {
    transactions: { submit: async (raw: Bytes) => decodeTransaction(raw).hash },
    pool: { find: async () => there.raw && { raw: there.raw, sender: fromHex(ALICE.address) } },
    arrivals: {},
  } as unknown as RemotePoolModules['core'];
  return { there, pool: new RemotePool({ core, recentlyPooled, nonceOf: () => there.nonce }) };
}

test('a transaction that left the pool is pending on a replica until its nonce has gone by there', async () => {
  const raw = fromHex(await signTransfer());
  const { hash } = decodeTransaction(raw);
  const { there, pool } = remotePool(new RecentlyPooled());
  expect(await pool.pooledTransaction(hash)).toBeUndefined();
  expect(await pool.submit(raw)).toEqual(hash);
  const pending = await pool.pooledTransaction(hash);
  expect(toHex(pending?.sender ?? hash)).toBe(ALICE.address.toLowerCase());
  expect(pending?.transaction.hash).toEqual(hash);
  there.nonce = 1n;
  expect(await pool.pooledTransaction(hash)).toBeUndefined();
});

test('one that somebody else sent is known from the answer before, for some seconds', async () => {
  const raw = fromHex(await signTransfer());
  const { hash } = decodeTransaction(raw);
  const { there, pool } = remotePool(new RecentlyPooled());
  there.raw = raw;
  expect(await pool.pooledTransaction(hash)).toBeDefined();
  there.raw = undefined;
  expect(await pool.pooledTransaction(hash)).toBeDefined();
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 10_001);
  expect(await pool.pooledTransaction(hash)).toBeUndefined();
});

test('a sequencer, whose pool and chain go together, remembers none', async () => {
  const raw = fromHex(await signTransfer());
  const { pool } = remotePool(undefined);
  expect(await pool.pooledTransaction(await pool.submit(raw))).toBeUndefined();
});

test('what is remembered is bounded in bytes, and the newest stay', () => {
  const pooled = new RecentlyPooled();
  const hashOf = (number: number): Bytes => new Uint8Array(32).fill(number);
  for (let number = 0; number < 20; number++) pooled.note(hashOf(number), new Uint8Array(1024 * 1024));
  pooled.note(hashOf(19), new Uint8Array(1024 * 1024));
  const kept = Array.from({ length: 20 }, (_, number) => pooled.find(hashOf(number)) !== undefined);
  expect(kept).toEqual([...Array(4).fill(false), ...Array(16).fill(true)]);
});
