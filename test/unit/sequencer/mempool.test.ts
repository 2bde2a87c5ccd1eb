import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import type { PooledTransaction } from '../../../src/sequencer/sender-queue.ts';
import { defined } from '../../support/defined.ts';
import { add, alice, bob, carol, createPool, drain, refusal } from '../../support/mempool-scene.ts';
import { poolTransaction } from '../../support/pool-transactions.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('order', () => {
  test('fifo is by arrival, a sender in the order of its nonces', () => {
    const { pool, state } = createPool();
    const second = add(pool, alice, 1);
    const other = add(pool, bob, 0);
    const first = add(pool, alice, 0);
    expect(drain(pool, state)).toEqual([other, first, second]);
    expect(pool.size).toBe(0);
  });

  test('fee is by the tip that the base fee leaves, ties by arrival', () => {
    const { pool, state } = createPool({ ordering: 'fee' });
    pool.openBlock(50n);
    const capped = add(pool, alice, 0, { maxFeePerGas: 55n, maxPriorityFeePerGas: 50n });
    const high = add(pool, bob, 0, { maxFeePerGas: 200n, maxPriorityFeePerGas: 20n });
    const tie = add(pool, carol, 0, { maxFeePerGas: 300n, maxPriorityFeePerGas: 5n });
    expect(drain(pool, state)).toEqual([high, capped, tie]);
  });

  test('fee ranks change with the base fee of the block', () => {
    const { pool, state } = createPool({ ordering: 'fee' });
    pool.openBlock(10n);
    const greedy = add(pool, alice, 0, { maxFeePerGas: 60n, maxPriorityFeePerGas: 60n });
    const steady = add(pool, bob, 0, { maxFeePerGas: 200n, maxPriorityFeePerGas: 20n });
    pool.openBlock(55n);
    expect(drain(pool, state)).toEqual([steady, greedy]);
  });

  test('what cannot pay the base fee is parked until a block where it can, and holds up its sender alone', () => {
    const { pool, state } = createPool();
    pool.openBlock(60n);
    const cheap = add(pool, alice, 0, { maxFeePerGas: 50n });
    const behind = add(pool, alice, 1, { maxFeePerGas: 500n });
    const other = add(pool, bob, 0);
    expect(drain(pool, state)).toEqual([other]);
    expect(pool.readyCount).toBe(0);
    pool.openBlock(51n);
    expect(drain(pool, state)).toEqual([]);
    pool.openBlock(50n);
    expect(drain(pool, state)).toEqual([cheap, behind]);
  });

  test('what was put back is next again', () => {
    const { pool, state } = createPool();
    const first = add(pool, alice, 0);
    add(pool, bob, 0);
    pool.putBack(defined(pool.next()));
    expect(drain(pool, state)[0]).toBe(first);
  });

  test('a transaction behind one that was dropped is not ready until the gap closes', () => {
    const { pool, state } = createPool();
    add(pool, alice, 0);
    const second = add(pool, alice, 1);
    pool.drop(defined(pool.next()));
    expect(pool.next()).toBeUndefined();
    expect(pool.pendingNonce(alice)).toBe(0n);
    const again = add(pool, alice, 0);
    expect(drain(pool, state)).toEqual([again, second]);
  });
});

describe('refusals have the codes and the wording of geth', () => {
  const poor = 21_000n * 100n;
  test.each<[string, Partial<Transaction>, string, string]>([
    ['another chain', { chainId: 5n }, 'INVALID_CHAIN_ID', 'invalid chain id for signer: have 5 want 1'],
    ['no chain', { chainId: undefined }, 'INVALID_CHAIN_ID', 'only replay-protected (EIP-155) transactions allowed over RPC'],
    [
      'too much gas',
      { gasLimit: 16_777_217n },
      'GAS_LIMIT_EXCEEDED',
      'transaction gas limit too high (cap: 16777216, tx: 16777217)',
    ],
    ['too little gas', { gasLimit: 20_999n }, 'INTRINSIC_GAS_TOO_LOW', 'intrinsic gas too low: gas 20999, minimum needed 21000'],
    [
      'too little gas for calldata',
      { gasLimit: 21_020n, data: Uint8Array.of(1) },
      'INTRINSIC_GAS_TOO_LOW',
      'insufficient gas for floor data gas cost: gas 21020, minimum needed 21040',
    ],
    [
      'too much init code',
      { to: undefined, data: new Uint8Array(49_153), gasLimit: 10_000_000n },
      'INIT_CODE_TOO_LARGE',
      'max initcode size exceeded: code size 49153, limit 49152',
    ],
    ['a fee below the floor', { maxFeePerGas: 6n }, 'FEE_TOO_LOW', 'transaction underpriced: gas fee cap 6, minimum needed 7'],
    ['a used nonce', { nonce: 2n }, 'NONCE_TOO_LOW', 'nonce too low: next nonce 3, tx nonce 2'],
    [
      'too little money',
      { nonce: 3n, value: 1n },
      'INSUFFICIENT_FUNDS',
      `insufficient funds for gas * price + value: balance ${poor}, tx cost ${poor + 1n}, overshot 1`,
    ],
  ])('%s', (_, fields, code, message) => {
    const { pool, state } = createPool();
    state.set(alice, { nonce: 3n, balance: poor });
    expect(refusal(pool, alice, poolTransaction({ nonce: 3n, ...fields }))).toEqual({ code, message });
    expect(pool.size).toBe(0);
  });

  test('a keyless deployment needs no chain id', () => {
    const { pool } = createPool();
    const transaction = poolTransaction({ chainId: undefined, to: undefined, r: 5n, s: 5n, gasLimit: 100_000n });
    expect(refusal(pool, alice, transaction).code).toBe('no error');
  });

  test('money that other transactions of the sender may cost', () => {
    const { pool, state } = createPool();
    state.set(alice, { balance: poor + 5n });
    add(pool, alice, 0);
    expect(refusal(pool, alice, poolTransaction({ nonce: 1n }))).toEqual({
      code: 'INSUFFICIENT_FUNDS',
      message: `insufficient funds for gas * price + value: balance ${poor + 5n}, queued cost ${poor}, tx cost ${poor}, overshot ${poor - 5n}`,
    });
  });

  test('the same again, a contract as sender, a sender with too many', () => {
    const { pool, state } = createPool({ maxPerSender: 2 });
    const transaction = add(pool, alice, 0);
    expect(refusal(pool, alice, transaction)).toEqual({ code: 'ALREADY_KNOWN', message: 'already known' });
    add(pool, alice, 1);
    expect(refusal(pool, alice, poolTransaction({ nonce: 2n }))).toEqual({
      code: 'SENDER_LIMIT',
      message: 'account limit exceeded: pooled 2 txs',
    });
    state.setCode(bob, Uint8Array.of(1), new Uint8Array(32).fill(1));
    expect(refusal(pool, bob, poolTransaction())).toEqual({ code: 'INVALID_SENDER', message: 'sender not an eoa' });
    state.setCode(carol, Uint8Array.of(0xef, 1, 0, ...new Uint8Array(20)), new Uint8Array(32).fill(2));
    expect(refusal(pool, carol, poolTransaction()).code).toBe('no error');
  });

  test('a nonce gap, for those who asked to be ready', () => {
    const { pool } = createPool();
    add(pool, alice, 0);
    expect(() => pool.add(poolTransaction({ nonce: 2n }), alice, true)).toThrow(
      expect.objectContaining({ code: 'NONCE_GAP', meta: { expectedNonce: '0x1' } }),
    );
    expect(refusal(pool, alice, poolTransaction({ nonce: 2n })).code).toBe('no error');
    const higher = { maxFeePerGas: 200n, maxPriorityFeePerGas: 20n };
    expect(refusal(pool, alice, poolTransaction({ nonce: 2n, ...higher }), true).code).toBe('NONCE_GAP');
    expect(refusal(pool, alice, poolTransaction({ nonce: 1n }), true).code).toBe('no error');
    expect(refusal(pool, alice, poolTransaction({ nonce: 2n, ...higher }), true).code).toBe('no error');
  });
});

describe('time', () => {
  test('ends the stay of old transactions, also in the middle of a queue', () => {
    const { pool, state, clock } = createPool();
    add(pool, alice, 0);
    add(pool, bob, 4);
    clock.nowMs = 500;
    const late = add(pool, alice, 1);
    clock.nowMs = 999;
    expect(pool.expire()).toBe(0);
    clock.nowMs = 1_000;
    expect(pool.expire()).toBe(2);
    expect(pool.size).toBe(1);
    expect(drain(pool, state)).toEqual([]);
    const again = add(pool, alice, 0);
    expect(drain(pool, state)).toEqual([again, late]);
  });

  test('ends penalties, each longer than the one before up to a minute', () => {
    const { pool, clock } = createPool();
    for (const lengthMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      pool.penalise(alice);
      clock.nowMs += lengthMs - 1;
      expect(refusal(pool, alice, poolTransaction()).code).toBe('SENDER_LIMIT');
      clock.nowMs += 1;
      const transaction = poolTransaction();
      expect(refusal(pool, alice, transaction).code).toBe('no error');
      pool.drop(defined(pool.next()));
    }
    expect(refusal(pool, bob, poolTransaction()).code).toBe('no error');
  });
});

describe('nonces that move without a transaction of their sender (EIP-7702)', () => {
  test('by its own authorization: the transaction behind both is ready', () => {
    const { pool, state } = createPool();
    const first = add(pool, alice, 0);
    const third = add(pool, alice, 2);
    expect(defined(pool.next()).transaction).toBe(first);
    state.set(alice, { nonce: 2n });
    pool.included(defined(pool.get(first.hash)));
    expect(drain(pool, state)).toEqual([third]);
  });

  test('by an authorization in a transaction of somebody else, told by the diff', () => {
    const { pool, state } = createPool();
    const used = add(pool, alice, 0);
    const next = add(pool, alice, 1);
    state.set(alice, { nonce: 1n });
    pool.follow({
      accounts: [
        { address: alice, nonce: 1n },
        { address: bob, nonce: 7n },
        { address: carol, balance: 1n },
      ],
      codes: [],
    });
    expect(pool.get(used.hash)).toBeUndefined();
    expect(drain(pool, state)).toEqual([next]);
  });

  test('are seen when the sender comes or asks, too', () => {
    const { pool, state } = createPool();
    add(pool, alice, 0);
    state.set(alice, { nonce: 3n });
    expect(pool.pendingNonce(alice)).toBe(3n);
    expect(refusal(pool, alice, poolTransaction({ nonce: 2n })).code).toBe('NONCE_TOO_LOW');
    expect(pool.size).toBe(0);
    const next = add(pool, alice, 3);
    expect(drain(pool, state)).toEqual([next]);
  });
});

test('listeners see every transaction that enters, until they leave', () => {
  const { pool } = createPool();
  const seen: bigint[] = [];
  const unsubscribe = pool.subscribe((transaction) => seen.push(transaction.nonce));
  add(pool, alice, 0);
  expect(strobeCodeOf(() => pool.add(poolTransaction({ gasLimit: 1n }), bob))).toBe('INTRINSIC_GAS_TOO_LOW');
  add(pool, alice, 4);
  unsubscribe();
  add(pool, alice, 1);
  expect(seen).toEqual([0n, 4n]);
});

test('draining a long queue of one sender takes a few look-ups each, however long it is', () => {
  const { pool, state } = createPool({ maxPerSender: 2_000, maxTransactions: 2_000 });
  for (let nonce = 0; nonce < 2_000; nonce++) add(pool, alice, nonce);
  const lookUps = vi.spyOn(Map.prototype, 'has');
  const reads = vi.spyOn(Map.prototype, 'get');
  expect(drain(pool, state)).toHaveLength(2_000);
  expect(lookUps.mock.calls.length + reads.mock.calls.length).toBeLessThan(2_000 * 30);
});

test('adding in the worst order takes a few look-ups each', () => {
  const { pool } = createPool({ maxPerSender: 2_000, maxTransactions: 2_000 });
  const lookUps = vi.spyOn(Map.prototype, 'has');
  for (let nonce = 1_999; nonce >= 0; nonce--) add(pool, alice, nonce);
  expect(pool.pendingNonce(alice)).toBe(2_000n);
  expect(lookUps.mock.calls.length).toBeLessThan(2_000 * 10);
});

test('a transaction that is asked for is the one that was added', () => {
  const { pool } = createPool();
  const transaction = add(pool, alice, 0);
  const pooled: PooledTransaction = defined(pool.get(transaction.hash));
  expect(pooled).toMatchObject({ transaction, sender: alice, cost: 21_000n * 100n });
  expect(pool.get(new Uint8Array(32))).toBeUndefined();
});
