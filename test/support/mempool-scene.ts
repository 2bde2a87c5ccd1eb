import type { Transaction } from '../../src/protocol/transaction.ts';
import { Mempool, type MempoolOptions } from '../../src/sequencer/mempool.ts';
import { PoolState, poolTransaction, senderOf } from './pool-transactions.ts';

const OPTIONS: MempoolOptions = {
  chainId: 1,
  maxTransactionGas: 16_777_216n,
  baseFeeFloorWei: 7n,
  maxTransactions: 100,
  maxPerSender: 50,
  lifetimeMs: 1_000,
  ordering: 'fifo',
};

export const [alice, bob, carol] = [senderOf(0), senderOf(1), senderOf(2)];

export function createPool(options: Partial<MempoolOptions> = {}) {
  const state = new PoolState();
  const clock = { nowMs: 0 };
  const pool = new Mempool({ ...OPTIONS, ...options }, { state, nowMs: () => clock.nowMs });
  return { pool, state, clock };
}

/** Adds a transaction and gives it back. */
export function add(pool: Mempool, sender: Uint8Array, nonce: number, fields: Partial<Transaction> = {}): Transaction {
  const transaction = poolTransaction({ nonce: BigInt(nonce), ...fields });
  pool.add(transaction, sender);
  return transaction;
}

/** Executes everything that is ready, in order. */
export function drain(pool: Mempool, state: PoolState): Transaction[] {
  const order: Transaction[] = [];
  for (let pooled = pool.next(); pooled !== undefined; pooled = pool.next()) {
    state.set(pooled.sender, { nonce: pooled.transaction.nonce + 1n });
    pool.included(pooled);
    order.push(pooled.transaction);
  }
  return order;
}

/** Code and message of what `add` throws. */
export function refusal(
  pool: Mempool,
  sender: Uint8Array,
  transaction: Transaction,
  requireReady = false,
): { code: string; message: string } {
  try {
    pool.add(transaction, sender, requireReady);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
  return { code: 'no error', message: '' };
}
