import type { Address } from '../protocol/primitives.ts';
import type { Transaction } from '../protocol/transaction.ts';

export interface PooledTransaction {
  readonly transaction: Transaction;
  readonly sender: Address;
  /** Order of arrival. */
  readonly arrival: number;
  /** ms on the pool's clock. */
  readonly arrivedAtMs: number;
  /** Wei that it can cost at most. */
  readonly cost: bigint;
}

/** The pooled transactions of one sender by nonce. */
export class SenderQueue {
  readonly #byNonce = new Map<bigint, PooledTransaction>();
  #nextNonce: bigint;
  /** The first nonce from `nextNonce` on that nobody pooled; kept so that nothing walks the queue for it. */
  #pendingNonce: bigint;
  /** Sum of the costs, wei. */
  pooledCost = 0n;

  constructor(nextNonce: bigint) {
    this.#nextNonce = nextNonce;
    this.#pendingNonce = nextNonce;
  }

  get size(): number {
    return this.#byNonce.size;
  }

  /** Transactions that can be executed one after the other. */
  get readyCount(): number {
    return Number(this.#pendingNonce - this.#nextNonce);
  }

  byArrival(): PooledTransaction[] {
    return [...this.#byNonce.values()].sort((a, b) => a.arrival - b.arrival);
  }

  /** Nonce that its next transaction must have to be executed. */
  get nextNonce(): bigint {
    return this.#nextNonce;
  }

  /** Next nonce with the pooled transactions counted. */
  get pendingNonce(): bigint {
    return this.#pendingNonce;
  }

  get(nonce: bigint): PooledTransaction | undefined {
    return this.#byNonce.get(nonce);
  }

  /** The transaction that can be executed next. */
  head(): PooledTransaction | undefined {
    return this.#byNonce.get(this.#nextNonce);
  }

  put(pooled: PooledTransaction): void {
    const replaced = this.#byNonce.get(pooled.transaction.nonce);
    this.#byNonce.set(pooled.transaction.nonce, pooled);
    this.pooledCost += pooled.cost - (replaced?.cost ?? 0n);
    this.#advancePending();
  }

  remove(pooled: PooledTransaction): void {
    const { nonce } = pooled.transaction;
    if (this.#byNonce.get(nonce) !== pooled) return;
    this.#byNonce.delete(nonce);
    this.pooledCost -= pooled.cost;
    if (nonce >= this.#nextNonce && nonce < this.#pendingNonce) this.#pendingNonce = nonce;
  }

  /** Says that `nonce` is the next one to be executed; gives the transactions below it, which can never be. */
  advanceTo(nonce: bigint): PooledTransaction[] {
    const stale: PooledTransaction[] = [];
    for (let below = this.#nextNonce; below < nonce; below++) {
      const pooled = this.#byNonce.get(below);
      if (pooled !== undefined) stale.push(pooled);
    }
    // Up to the pending nonce everything is pooled, so a step forward need not look at it again.
    if (nonce < this.#nextNonce || nonce > this.#pendingNonce) this.#pendingNonce = nonce;
    this.#nextNonce = nonce;
    this.#advancePending();
    return stale;
  }

  #advancePending(): void {
    while (this.#byNonce.has(this.#pendingNonce)) this.#pendingNonce++;
  }
}
