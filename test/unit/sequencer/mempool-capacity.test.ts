import { describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { defined } from '../../support/defined.ts';
import { add, alice, bob, carol, createPool, drain, refusal } from '../../support/mempool-scene.ts';
import { poolTransaction, senderOf } from '../../support/pool-transactions.ts';

describe('replacing', () => {
  const old = { maxFeePerGas: 100n, maxPriorityFeePerGas: 15n };
  test.each<[string, Partial<Transaction>, string]>([
    ['both fees by a tenth', { maxFeePerGas: 110n, maxPriorityFeePerGas: 16n }, 'no error'],
    ['the fee cap too little', { maxFeePerGas: 109n, maxPriorityFeePerGas: 17n }, 'REPLACEMENT_UNDERPRICED'],
    ['the tip not at all', { maxFeePerGas: 200n, maxPriorityFeePerGas: 15n }, 'REPLACEMENT_UNDERPRICED'],
    ['nothing', { ...old }, 'REPLACEMENT_UNDERPRICED'],
  ])('raising %s', (_, fees, code) => {
    const { pool, state } = createPool();
    const first = add(pool, alice, 0, old);
    const next = poolTransaction(fees);
    expect(refusal(pool, alice, next).code).toBe(code);
    expect(pool.size).toBe(1);
    expect(drain(pool, state)).toEqual([code === 'no error' ? next : first]);
  });

  test('without a tip needs one: a free change would cost nothing to repeat', () => {
    const { pool } = createPool();
    add(pool, alice, 0, { maxFeePerGas: 100n, maxPriorityFeePerGas: 0n });
    expect(refusal(pool, alice, poolTransaction({ maxFeePerGas: 200n, maxPriorityFeePerGas: 0n })).code).toBe(
      'REPLACEMENT_UNDERPRICED',
    );
    expect(refusal(pool, alice, poolTransaction({ maxFeePerGas: 200n, maxPriorityFeePerGas: 1n })).code).toBe('no error');
  });

  test('needs no room in a full pool, and only the money of the new one', () => {
    const { pool, state } = createPool({ maxTransactions: 2 });
    state.set(alice, { balance: 21_000n * 120n });
    add(pool, alice, 0);
    const gapped = add(pool, bob, 5);
    add(pool, alice, 0, { maxFeePerGas: 120n, maxPriorityFeePerGas: 20n });
    expect(pool.get(gapped.hash)).toBeDefined();
    expect(pool.size).toBe(2);
  });

  test('in the middle keeps what is behind ready', () => {
    const { pool, state } = createPool();
    const [first, , third] = [add(pool, alice, 0), add(pool, alice, 1), add(pool, alice, 2)];
    const replacement = add(pool, alice, 1, { maxFeePerGas: 120n, maxPriorityFeePerGas: 20n });
    expect(pool.pendingNonce(alice)).toBe(3n);
    expect(drain(pool, state)).toEqual([first, replacement, third]);
  });

  test('while the old one is being executed leaves the pool in order', () => {
    const { pool, state } = createPool();
    add(pool, alice, 0);
    const running = defined(pool.next());
    const late = add(pool, alice, 0, { maxFeePerGas: 120n, maxPriorityFeePerGas: 20n });
    const second = add(pool, alice, 1);
    state.set(alice, { nonce: 1n });
    pool.included(running);
    expect(pool.get(late.hash)).toBeUndefined();
    expect(drain(pool, state)).toEqual([second]);
    expect(pool.size).toBe(0);
  });
});

describe('a full pool', () => {
  test('makes room by what waits longest behind a gap, else refuses', () => {
    const { pool } = createPool({ maxTransactions: 4 });
    const ready = add(pool, alice, 0);
    const gapped = [add(pool, bob, 3), add(pool, carol, 2)];
    const closed = add(pool, alice, 1);
    const newcomers = [0, 1].map((i) => add(pool, senderOf(10 + i), 0));
    for (const { hash } of [ready, closed, ...newcomers]) expect(pool.get(hash)).toBeDefined();
    for (const { hash } of gapped) expect(pool.get(hash)).toBeUndefined();
    expect(refusal(pool, senderOf(20), poolTransaction())).toEqual({ code: 'POOL_FULL', message: 'txpool is full' });
    expect(pool.size).toBe(4);
  });

  test('counts what waits behind a dropped or expired transaction as gapped: nobody fills the pool for a fee', () => {
    const { pool } = createPool({ maxTransactions: 4 });
    add(pool, alice, 0);
    const stuck = [1, 2, 3].map((nonce) => add(pool, alice, nonce));
    pool.drop(defined(pool.next()));
    for (let i = 0; i < 4; i++) add(pool, senderOf(10 + i), 0);
    for (const { hash } of stuck) expect(pool.get(hash)).toBeUndefined();
    expect(pool.size).toBe(4);
  });

  test('is also one with too many bytes', () => {
    const { pool } = createPool({ maxTransactions: 10_000 });
    const raw = new Uint8Array(128 * 1024);
    for (let i = 0; i < 2048; i++)
      pool.add(poolTransaction({ raw, nonce: BigInt(i % 8) }), new Uint8Array(20).fill(9).with(0, i >> 3));
    expect(refusal(pool, alice, poolTransaction()).code).toBe('POOL_FULL');
    pool.drop(defined(pool.next()));
    expect(refusal(pool, alice, poolTransaction()).code).toBe('no error');
  });

  test('does not grow by replacing short transactions with long ones', () => {
    const { pool } = createPool({ maxTransactions: 10_000 });
    const raw = new Uint8Array(128 * 1024);
    const from = (i: number) => senderOf(i & 255).with(0, 9 + (i >> 8));
    for (let i = 0; i < 2048; i++) add(pool, from(i), 0);
    const long = { raw, maxFeePerGas: 200n, maxPriorityFeePerGas: 20n };
    for (let i = 0; i < 2048; i++) add(pool, from(i), 0, long);
    const last = add(pool, alice, 0, { raw: new Uint8Array(0) });
    expect(refusal(pool, alice, poolTransaction(long))).toEqual({ code: 'POOL_FULL', message: 'txpool is full' });
    expect(pool.get(last.hash)).toBeDefined();
  });
});
