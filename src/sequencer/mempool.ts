import { poolError } from '../protocol/pool-errors.ts';
import type { PoolCounts } from '../protocol/ports/pool.ts';
import type { StateReader } from '../protocol/ports/state.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { StateDiff } from '../protocol/state-diff.ts';
import { effectiveGasPrice, type Transaction } from '../protocol/transaction.ts';
import { toKey } from '../util/bytes.ts';
import { checkFunds, checkSenderCode, checkStateless, maxCost, type PoolRules } from './pool-validation.ts';
import { ReadyQueue } from './ready-queue.ts';
import { type PooledTransaction, SenderQueue } from './sender-queue.ts';

export interface MempoolOptions extends PoolRules {
  /** Transactions at most; above it the one that waits longest behind a nonce gap goes, else the newcomer is refused. */
  readonly maxTransactions: number;
  /** Transactions of one sender at most: nobody fills the pool alone. */
  readonly maxPerSender: number;
  /** Time after which a transaction that was never executed is dropped, ms. */
  readonly lifetimeMs: number;
  /** `fifo`: by arrival; `fee`: by the tip that the block's base fee leaves. A sender's nonces stay in order. */
  readonly ordering: 'fifo' | 'fee';
}

export interface MempoolModules {
  /** State after every mini-block executed so far, durable or not. */
  readonly state: StateReader;
  readonly nowMs: () => number;
}

/** Rise of both fees that replaces a pooled transaction, percent (geth's default). */
const PRICE_BUMP_PERCENT = 10n;
/** Raw bytes in the pool at most: the largest transactions must not take the memory that many ordinary ones may. */
const MAX_POOL_BYTES = 256 * 1024 * 1024;
/** First and longest time for which a sender whose transaction overran the time budget is refused, ms. */
const FIRST_PENALTY_MS = 1_000;
const LONGEST_PENALTY_MS = 60_000;
/** Senders under penalty that are remembered at most; the oldest is forgotten first. */
const MAX_PENALTIES = 10_000;

interface ReadyEntry {
  readonly pooled: PooledTransaction;
  /** Smaller goes first. */
  readonly rank: bigint;
}

/**
 * Transactions that wait for execution. Only the next nonce of each sender is ready; the ready ones are ordered by
 * arrival or by fee.
 */
export class Mempool {
  readonly #options: MempoolOptions;
  readonly #modules: MempoolModules;
  readonly #byHash = new Map<string, PooledTransaction>();
  readonly #senders = new Map<string, SenderQueue>();
  readonly #ready = new ReadyQueue<ReadyEntry>(compareReady);
  /** Ready but not includable in the open block (fee cap below its base fee). */
  #parked: PooledTransaction[] = [];
  /** Transactions behind a nonce gap, in the order they came there; the gap may have closed since. */
  readonly #gapped = new Map<string, PooledTransaction>();
  readonly #penalties = new Map<string, { untilMs: number; lengthMs: number }>();
  /** Executed, but in no durable mini-block yet: the transactions of one or two mini-blocks. */
  readonly #executed = new Map<string, PooledTransaction>();
  readonly #listeners = new Set<(transaction: Transaction, sender: Address) => void>();
  #arrivals = 0;
  #bytes = 0;
  #baseFeePerGas = 0n;

  constructor(options: MempoolOptions, modules: MempoolModules) {
    this.#options = options;
    this.#modules = modules;
  }

  get size(): number {
    return this.#byHash.size;
  }

  /** Senders whose next transaction may be ready. */
  get readyCount(): number {
    return this.#ready.size;
  }

  get(hash: Hash): PooledTransaction | undefined {
    return this.#byHash.get(toKey(hash));
  }

  /** As {@link Mempool.get}, also when it was executed and its mini-block is not durable yet. */
  find(hash: Hash): PooledTransaction | undefined {
    return this.get(hash) ?? this.#executed.get(toKey(hash));
  }

  /** Shows every transaction as it enters; returns the unsubscribe function. */
  subscribe(listener: (transaction: Transaction, sender: Address) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws StrobeError with a pool error code; NONCE_GAP carries `meta.expectedNonce` */
  add(transaction: Transaction, sender: Address, requireReady = false): void {
    const hash = toKey(transaction.hash);
    if (this.#byHash.has(hash) || this.#executed.has(hash)) throw poolError('ALREADY_KNOWN', 'already known');
    checkStateless(transaction, this.#options);
    const key = toKey(sender);
    this.#checkPenalty(key);
    const queue = this.#queueFor(key, sender);
    this.#checkAgainstSender(transaction, sender, queue, requireReady);
    while (this.#isFullFor(transaction, queue)) this.#makeRoom();
    const pooled: PooledTransaction = {
      transaction,
      sender,
      arrival: this.#arrivals++,
      arrivedAtMs: this.#modules.nowMs(),
      cost: maxCost(transaction),
    };
    this.#insert(pooled, key, queue);
    for (const listener of this.#listeners) listener(transaction, sender);
  }

  #stateNonce(sender: Address): bigint {
    return this.#modules.state.getAccount(sender)?.nonce ?? 0n;
  }

  #queueFor(key: string, sender: Address): SenderQueue {
    const nonce = this.#stateNonce(sender);
    const queue = this.#senders.get(key);
    if (queue === undefined) return new SenderQueue(nonce);
    if (nonce > queue.nextNonce) this.#advance(key, queue, nonce);
    return queue;
  }

  #checkAgainstSender(transaction: Transaction, sender: Address, queue: SenderQueue, requireReady: boolean): void {
    const { nonce } = transaction;
    if (nonce < queue.nextNonce) {
      throw poolError('NONCE_TOO_LOW', `nonce too low: next nonce ${queue.nextNonce}, tx nonce ${nonce}`);
    }
    const account = this.#modules.state.getAccount(sender);
    checkSenderCode(account, sender, this.#modules.state);
    const replaced = queue.get(nonce);
    const otherCost = queue.pooledCost - (replaced?.cost ?? 0n);
    checkFunds(account?.balance ?? 0n, maxCost(transaction), otherCost);
    const expected = queue.pendingNonce;
    if (requireReady && nonce > expected) {
      throw poolError('NONCE_GAP', `nonce too high: next nonce ${expected}, tx nonce ${nonce}`, {
        expectedNonce: `0x${expected.toString(16)}`,
      });
    }
    if (replaced !== undefined) {
      checkReplacement(replaced.transaction, transaction);
      return;
    }
    if (queue.size >= this.#options.maxPerSender) {
      throw poolError('SENDER_LIMIT', `account limit exceeded: pooled ${queue.size} txs`);
    }
  }

  #insert(pooled: PooledTransaction, key: string, queue: SenderQueue): void {
    const replaced = queue.get(pooled.transaction.nonce);
    if (replaced !== undefined) this.#remove(replaced);
    queue.put(pooled);
    this.#senders.set(key, queue);
    const hash = toKey(pooled.transaction.hash);
    this.#byHash.set(hash, pooled);
    this.#bytes += pooled.transaction.raw.length;
    if (queue.head() === pooled) this.#pushReady(pooled);
    else if (pooled.transaction.nonce > queue.pendingNonce) this.#gapped.set(hash, pooled);
  }

  #pushReady(pooled: PooledTransaction): void {
    this.#ready.push({ pooled, rank: this.#rank(pooled) });
  }

  #rank({ transaction, arrival }: PooledTransaction): bigint {
    if (this.#options.ordering === 'fifo') return BigInt(arrival);
    return -(effectiveGasPrice(transaction, this.#baseFeePerGas) - this.#baseFeePerGas);
  }

  /** Begins a block: tips are ranked, and parked transactions tried, against its base fee (wei per gas). */
  openBlock(baseFeePerGas: bigint): void {
    this.#baseFeePerGas = baseFeePerGas;
    const waiting = this.#parked;
    this.#parked = [];
    // Ranks by fee depend on the base fee: the ready ones are ranked anew, which costs one pass a second.
    if (this.#options.ordering === 'fee') {
      for (let entry = this.#ready.pop(); entry !== undefined; entry = this.#ready.pop()) waiting.push(entry.pooled);
    }
    for (const pooled of waiting) if (this.#isHead(pooled)) this.#pushReady(pooled);
  }

  #isHead(pooled: PooledTransaction): boolean {
    return this.#senders.get(toKey(pooled.sender))?.head() === pooled;
  }

  /**
   * Takes the best ready transaction out of the order; it stays pooled until the caller says how it ended:
   * {@link Mempool.included}, {@link Mempool.drop} or {@link Mempool.putBack}.
   */
  next(): PooledTransaction | undefined {
    for (;;) {
      const entry = this.#ready.pop();
      if (entry === undefined) return undefined;
      // Replaced, expired or evicted since it was queued.
      if (!this.#isHead(entry.pooled)) continue;
      if (entry.pooled.transaction.maxFeePerGas >= this.#baseFeePerGas) return entry.pooled;
      this.#parked.push(entry.pooled);
    }
  }

  /** The transaction was executed: its sender's next one is ready. */
  included(pooled: PooledTransaction): void {
    const { sender, transaction } = pooled;
    this.#executed.set(toKey(transaction.hash), pooled);
    const key = toKey(sender);
    const queue = this.#senders.get(key);
    if (queue === undefined) return;
    // An authorization of its own may have taken the nonce after this one too (EIP-7702).
    const stateNonce = this.#stateNonce(sender);
    this.#advance(key, queue, stateNonce > transaction.nonce ? stateNonce : transaction.nonce + 1n);
  }

  /** The transaction can not be executed any more. */
  drop(pooled: PooledTransaction): void {
    const queue = this.#abandon(pooled);
    if (queue !== undefined) this.#advance(toKey(pooled.sender), queue, this.#stateNonce(pooled.sender));
  }

  /** Their mini-block is durable: from now on the chain knows these executed transactions. */
  committed(transactions: readonly Transaction[]): void {
    for (const { hash } of transactions) this.#executed.delete(toKey(hash));
  }

  /** Nonces moved in a committed mini-block: authorizations move those of accounts that sent nothing (EIP-7702). */
  follow(diff: StateDiff): void {
    for (const { address, nonce } of diff.accounts) {
      const key = toKey(address);
      const queue = nonce === undefined ? undefined : this.#senders.get(key);
      if (queue !== undefined && nonce !== undefined && nonce > queue.nextNonce) this.#advance(key, queue, nonce);
    }
  }

  /** Moves a sender on to `nonce`: what lies below goes, its next transaction is ready. */
  #advance(key: string, queue: SenderQueue, nonce: bigint): void {
    for (const stale of queue.advanceTo(nonce)) this.#remove(stale);
    if (queue.size === 0) this.#senders.delete(key);
    const head = queue.head();
    if (head !== undefined) this.#pushReady(head);
  }

  /** The transaction fits only in a later mini-block. */
  putBack(pooled: PooledTransaction): void {
    this.#pushReady(pooled);
  }

  /** Refuses the sender for a while: its transaction overran the builder's time budget. */
  penalise(sender: Address): void {
    const key = toKey(sender);
    const previous = this.#penalties.get(key);
    const lengthMs = Math.min(LONGEST_PENALTY_MS, previous === undefined ? FIRST_PENALTY_MS : previous.lengthMs * 2);
    this.#penalties.delete(key);
    this.#penalties.set(key, { untilMs: this.#modules.nowMs() + lengthMs, lengthMs });
    const oldest = this.#penalties.keys().next().value;
    if (this.#penalties.size > MAX_PENALTIES && oldest !== undefined) this.#penalties.delete(oldest);
  }

  #checkPenalty(key: string): void {
    const penalty = this.#penalties.get(key);
    if (penalty === undefined || this.#modules.nowMs() >= penalty.untilMs) return;
    throw poolError('SENDER_LIMIT', 'the sender is slowed down after a transaction that overran the time budget');
  }

  #remove(pooled: PooledTransaction): SenderQueue | undefined {
    const hash = toKey(pooled.transaction.hash);
    if (this.#byHash.get(hash) !== pooled) return undefined;
    this.#byHash.delete(hash);
    this.#gapped.delete(hash);
    this.#bytes -= pooled.transaction.raw.length;
    const queue = this.#senders.get(toKey(pooled.sender));
    queue?.remove(pooled);
    return queue;
  }

  /** Takes out a transaction that was not executed: what followed it waits behind a nonce gap now. */
  #abandon(pooled: PooledTransaction): SenderQueue | undefined {
    const pendingNonce = this.#senders.get(toKey(pooled.sender))?.pendingNonce ?? 0n;
    const queue = this.#remove(pooled);
    for (let nonce = pooled.transaction.nonce + 1n; nonce < pendingNonce; nonce++) {
      const later = queue?.get(nonce);
      if (later !== undefined) this.#gapped.set(toKey(later.transaction.hash), later);
    }
    return queue;
  }

  /** Next nonce of an account with its pooled transactions counted. */
  pendingNonce(sender: Address): bigint {
    return this.#queueFor(toKey(sender), sender).pendingNonce;
  }

  counts(): PoolCounts {
    let pending = 0;
    for (const queue of this.#senders.values()) pending += queue.readyCount;
    return { pending, queued: this.#byHash.size - pending };
  }

  /** Transactions that arrived as number `from` or later, in order of arrival; those of one sender when it is given. */
  *list(from: number, sender: Address | undefined): Iterable<PooledTransaction> {
    const all = sender === undefined ? this.#byHash.values() : (this.#senders.get(toKey(sender))?.byArrival() ?? []);
    for (const pooled of all) if (pooled.arrival >= from) yield pooled;
  }

  /** True for a transaction that waits behind a nonce gap. */
  isQueued({ sender, transaction }: PooledTransaction): boolean {
    const queue = this.#senders.get(toKey(sender));
    return queue !== undefined && transaction.nonce > queue.pendingNonce;
  }

  /** Drops transactions that waited too long; call it now and then. Returns how many went. */
  expire(): number {
    const deadline = this.#modules.nowMs() - this.#options.lifetimeMs;
    let expired = 0;
    // Arrival order is insertion order, so the first young one ends the search.
    for (const pooled of this.#byHash.values()) {
      if (pooled.arrivedAtMs > deadline) break;
      this.#evict(pooled);
      expired++;
    }
    return expired;
  }

  #evict(pooled: PooledTransaction): void {
    const queue = this.#abandon(pooled);
    if (queue?.size === 0) this.#senders.delete(toKey(pooled.sender));
  }

  /** Whether there is no room for it, with that of the transaction that it replaces, which may be much shorter. */
  #isFullFor({ nonce, raw }: Transaction, queue: SenderQueue): boolean {
    const replaced = queue.get(nonce);
    if (replaced === undefined && this.#byHash.size >= this.#options.maxTransactions) return true;
    return this.#bytes - (replaced?.transaction.raw.length ?? 0) + raw.length > MAX_POOL_BYTES;
  }

  /** Frees one place by the transaction that waits longest behind a nonce gap. @throws StrobeError POOL_FULL */
  #makeRoom(): void {
    for (const [hash, pooled] of this.#gapped) {
      // Looked at once: whatever it is, it leaves this list.
      this.#gapped.delete(hash);
      const queue = this.#senders.get(toKey(pooled.sender));
      if (this.#byHash.get(hash) !== pooled || queue === undefined) continue;
      if (pooled.transaction.nonce < queue.pendingNonce) continue;
      this.#evict(pooled);
      return;
    }
    throw poolError('POOL_FULL', 'txpool is full', { maxTransactions: this.#options.maxTransactions });
  }
}

function compareReady(a: ReadyEntry, b: ReadyEntry): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return a.pooled.arrival - b.pooled.arrival;
}

/** geth's rule: both fees higher, and by the bump. */
function checkReplacement(old: Transaction, next: Transaction): void {
  const isBump = (before: bigint, after: bigint): boolean =>
    after > before && after >= (before * (100n + PRICE_BUMP_PERCENT)) / 100n;
  if (isBump(old.maxFeePerGas, next.maxFeePerGas) && isBump(old.maxPriorityFeePerGas, next.maxPriorityFeePerGas)) return;
  throw poolError('REPLACEMENT_UNDERPRICED', 'replacement transaction underpriced');
}
