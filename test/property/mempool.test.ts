import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { Mempool } from '../../src/sequencer/mempool.ts';
import { toKey } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { PoolState, poolTransaction, senderOf } from '../support/pool-transactions.ts';
import { runs } from '../support/property-runs.ts';

const LIMITS = { maxTransactions: 8, maxPerSender: 4, lifetimeMs: 100 };
const GAS = 21_000n;

interface Waiting {
  readonly transaction: Transaction;
  readonly sender: number;
  readonly arrival: number;
  readonly atMs: number;
}

/** The pool's rules over one plain list: everything is found by walking through it. */
class Model {
  waiting: Waiting[] = [];
  readonly nonces = [0n, 0n, 0n];
  readonly balances = [10n ** 12n, 10n ** 12n, 4_000_000n];
  baseFee = 0n;
  nowMs = 0;
  #arrivals = 0;
  readonly #ordering: 'fifo' | 'fee';

  constructor(ordering: 'fifo' | 'fee') {
    this.#ordering = ordering;
  }

  of(sender: number): Waiting[] {
    return this.waiting.filter((entry) => entry.sender === sender);
  }

  pendingNonce(sender: number): bigint {
    let nonce = this.nonces[sender] as bigint;
    while (this.of(sender).some(({ transaction }) => transaction.nonce === nonce)) nonce++;
    return nonce;
  }

  isGapped({ sender, transaction }: Waiting): boolean {
    return transaction.nonce > this.pendingNonce(sender);
  }

  /** The code that adding must end with; the entry is in the list when it is 'added'. */
  add(transaction: Transaction, sender: number, requireReady: boolean): string {
    const nonce = this.nonces[sender] as bigint;
    if (transaction.nonce < nonce) return 'NONCE_TOO_LOW';
    const replaced = this.of(sender).find((entry) => entry.transaction.nonce === transaction.nonce);
    const others = this.of(sender).filter((entry) => entry !== replaced);
    const cost = others.reduce((sum, entry) => sum + GAS * entry.transaction.maxFeePerGas, GAS * transaction.maxFeePerGas);
    if (cost > (this.balances[sender] as bigint)) return 'INSUFFICIENT_FUNDS';
    if (requireReady && transaction.nonce > this.pendingNonce(sender)) return 'NONCE_GAP';
    if (replaced !== undefined) {
      const old = replaced.transaction;
      const enough = (before: bigint, after: bigint): boolean => after > before && after >= (before * 110n) / 100n;
      if (
        !enough(old.maxFeePerGas, transaction.maxFeePerGas) ||
        !enough(old.maxPriorityFeePerGas, transaction.maxPriorityFeePerGas)
      ) {
        return 'REPLACEMENT_UNDERPRICED';
      }
    } else {
      if (this.of(sender).length >= LIMITS.maxPerSender) return 'SENDER_LIMIT';
      if (this.waiting.length >= LIMITS.maxTransactions && !this.waiting.some((entry) => this.isGapped(entry)))
        return 'POOL_FULL';
    }
    this.waiting = this.waiting.filter((entry) => entry !== replaced);
    this.waiting.push({ transaction, sender, arrival: this.#arrivals++, atMs: this.nowMs });
    return 'added';
  }

  /** What the pool must give next. */
  next(): Waiting | undefined {
    const heads = this.waiting.filter(({ sender, transaction }) => transaction.nonce === this.nonces[sender]);
    const payable = heads.filter(({ transaction }) => transaction.maxFeePerGas >= this.baseFee);
    return payable.sort((a, b) =>
      this.#rank(a) === this.#rank(b) ? a.arrival - b.arrival : this.#rank(a) < this.#rank(b) ? -1 : 1,
    )[0];
  }

  #rank({ transaction, arrival }: Waiting): bigint {
    if (this.#ordering === 'fifo') return BigInt(arrival);
    const room = transaction.maxFeePerGas - this.baseFee;
    return -(room < transaction.maxPriorityFeePerGas ? room : transaction.maxPriorityFeePerGas);
  }

  /** The sender's nonce moves; what it leaves behind is gone. */
  moveNonce(sender: number, nonce: bigint): void {
    this.nonces[sender] = nonce;
    this.waiting = this.waiting.filter((entry) => entry.sender !== sender || entry.transaction.nonce >= nonce);
  }

  remove(hash: string): void {
    this.waiting = this.waiting.filter(({ transaction }) => toKey(transaction.hash) !== hash);
  }

  expire(): number {
    const before = this.waiting.length;
    this.waiting = this.waiting.filter(({ atMs }) => atMs > this.nowMs - LIMITS.lifetimeMs);
    return before - this.waiting.length;
  }
}

const sender = fc.nat(2);
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      sender,
      ahead: fc.integer({ min: -1, max: 4 }),
      maxFee: fc.integer({ min: 10, max: 60 }),
      tip: fc.nat(20),
      requireReady: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      outcome: fc.constantFrom('included', 'included', 'drop', 'putBack'),
    }),
  },
  fc.record({ kind: fc.constant('openBlock' as const), baseFee: fc.nat(60) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }),
  fc.record({ kind: fc.constant('authorize' as const), sender, steps: fc.integer({ min: 1, max: 3 }) }),
);

function run(
  ordering: 'fifo' | 'fee',
  commands: readonly (typeof command extends fc.Arbitrary<infer Value> ? Value : never)[],
): void {
  const model = new Model(ordering);
  const state = new PoolState();
  const publish = (): void => {
    for (const [i, nonce] of model.nonces.entries()) state.set(senderOf(i), { nonce, balance: model.balances[i] as bigint });
  };
  publish();
  const rules = { chainId: 1, maxTransactionGas: 2n ** 24n, baseFeeFloorWei: 0n };
  const pool = new Mempool({ ...rules, ...LIMITS, ordering }, { state, nowMs: () => model.nowMs });
  for (const step of commands) {
    switch (step.kind) {
      case 'add': {
        const maxFeePerGas = BigInt(step.maxFee);
        const nonce = (model.nonces[step.sender] as bigint) + BigInt(step.ahead);
        if (nonce < 0n) break;
        const maxPriorityFeePerGas = BigInt(Math.min(step.tip, step.maxFee));
        const transaction = poolTransaction({ nonce, maxFeePerGas, maxPriorityFeePerGas });
        const expected = model.add(transaction, step.sender, step.requireReady);
        expect(addTo(pool, transaction, step.sender, step.requireReady)).toBe(expected);
        settleEviction(pool, model);
        break;
      }
      case 'take': {
        const expected = model.next();
        const pooled = pool.next();
        expect(pooled?.transaction).toBe(expected?.transaction);
        if (pooled === undefined || expected === undefined) break;
        if (step.outcome === 'putBack') {
          pool.putBack(pooled);
        } else if (step.outcome === 'drop') {
          model.remove(toKey(pooled.transaction.hash));
          pool.drop(pooled);
        } else {
          model.moveNonce(expected.sender, pooled.transaction.nonce + 1n);
          publish();
          pool.included(pooled);
        }
        break;
      }
      case 'openBlock':
        model.baseFee = BigInt(step.baseFee);
        pool.openBlock(model.baseFee);
        break;
      case 'wait':
        model.nowMs += step.ms;
        expect(pool.expire()).toBe(model.expire());
        break;
      case 'authorize': {
        const nonce = (model.nonces[step.sender] as bigint) + BigInt(step.steps);
        model.moveNonce(step.sender, nonce);
        publish();
        pool.follow({ accounts: [{ address: senderOf(step.sender), nonce }], codes: [] });
        break;
      }
    }
    expectSame(pool, model);
  }
}

function addTo(pool: Mempool, transaction: Transaction, from: number, requireReady: boolean): string {
  try {
    pool.add(transaction, senderOf(from), requireReady);
    return 'added';
  } catch (error) {
    if (isStrobeError(error)) return error.code;
    throw error;
  }
}

/** A full pool gave up one transaction: it must have waited behind a gap, and it goes from the model too. */
function settleEviction(pool: Mempool, model: Model): void {
  const gone = model.waiting.filter(({ transaction }) => pool.get(transaction.hash) === undefined);
  if (model.waiting.length <= LIMITS.maxTransactions) {
    expect(gone).toEqual([]);
    return;
  }
  expect(gone).toHaveLength(1);
  const [evicted] = gone as [Waiting];
  const newest = model.waiting.at(-1) as Waiting;
  // Gapped before the newcomer closed the gap, perhaps.
  model.remove(toKey(newest.transaction.hash));
  expect(model.isGapped(evicted)).toBe(true);
  model.remove(toKey(evicted.transaction.hash));
  model.waiting.push(newest);
}

function expectSame(pool: Mempool, model: Model): void {
  expect(pool.size).toBe(model.waiting.length);
  for (const { transaction } of model.waiting) expect(pool.get(transaction.hash)?.transaction).toBe(transaction);
  for (let i = 0; i < model.nonces.length; i++) expect(pool.pendingNonce(senderOf(i))).toBe(model.pendingNonce(i));
}

test.each(['fifo', 'fee'] as const)('ordered by %s the pool does what a plain list of transactions does', (ordering) => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => run(ordering, commands)),
    runs(400),
  );
});
