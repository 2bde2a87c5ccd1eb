import { setTimeout as delay } from 'node:timers/promises';
import type { ChangeSignal } from './change-signal.ts';
import type { PlannedBatch, PresignedLoad } from './presigned-load.ts';
import type { RpcClient } from './rpc-client.ts';
import { isAlreadyKnown, isNonceUsed, isRetryable, parseBatchAnswer, type SendError, transportErrors } from './send-outcome.ts';
import type { TransactionLedger } from './transaction-ledger.ts';

/** A transaction that the node cannot take for this many rounds (about 10 s) is counted as refused. */
const MAX_ATTEMPTS = 100;
/** Pause before a repeated send, growing with the attempts: enough for a few mini-blocks to empty a full pool. */
const BACKOFF_STEP_MS = 10;
const BACKOFF_MAX_MS = 100;

export type DriverOptions = {
  /** Transactions per second, 0 = as fast as the node takes them. */
  rate: number;
  /** Lanes pause while so many transactions are unconfirmed. */
  maxPending: number;
};

/** `changes` is the signal the ledger notifies. */
export type DriverModules = { rpc: RpcClient; ledger: TransactionLedger; changes: ChangeSignal };

/** Sends a signed load: one batch in flight per lane, on time for the rate, never more unconfirmed than allowed. */
export class LoadDriver {
  readonly #options: DriverOptions;
  readonly #modules: DriverModules;
  readonly #load: PresignedLoad;
  /** Accounts with a refused transaction, and its index: their later nonces can never be included. */
  readonly #broken = new Map<number, number>();
  #startedAtMs = 0;
  #maxLagMs = 0;
  #endedEarly = false;

  constructor(options: DriverOptions, modules: DriverModules, load: PresignedLoad) {
    this.#options = options;
    this.#modules = modules;
    this.#load = load;
  }

  /** How far a batch left behind its time at worst (always 0 without a rate). */
  get maxLagMs(): number {
    return this.#maxLagMs;
  }

  /** True when the signal ended the load before every transaction had its turn. */
  get endedEarly(): boolean {
    return this.#endedEarly;
  }

  /** Sends everything, or as much as it can until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#startedAtMs = performance.now();
    await Promise.all(this.#load.lanes.map((lane) => this.#runLane(lane, signal)));
  }

  async #runLane(lane: readonly PlannedBatch[], signal: AbortSignal): Promise<void> {
    const { changes } = this.#modules;
    for (const batch of lane) {
      await this.#waitForTime(batch, signal);
      const hasRoom = (): boolean => this.#hasRoom(batch);
      // Lanes wake together: each asks again, and takes its room by marking the batch sent before the next one asks.
      while (!hasRoom() && !signal.aborted) await changes.waitUntil(hasRoom, signal);
      if (signal.aborted) {
        this.#endedEarly = true;
        return;
      }
      this.#noteLag(batch);
      await this.#sendBatch(batch, signal);
    }
  }

  async #waitForTime(batch: PlannedBatch, signal: AbortSignal): Promise<void> {
    const waitMs = this.#dueAtMs(batch) - performance.now();
    if (waitMs > 0) await pause(waitMs, signal);
  }

  #dueAtMs(batch: PlannedBatch): number {
    const { rate } = this.#options;
    return rate === 0 ? this.#startedAtMs : this.#startedAtMs + (batch.order * this.#load.batchSize * 1_000) / rate;
  }

  #noteLag(batch: PlannedBatch): void {
    if (this.#options.rate > 0) this.#maxLagMs = Math.max(this.#maxLagMs, performance.now() - this.#dueAtMs(batch));
  }

  #hasRoom(batch: PlannedBatch): boolean {
    const { pending } = this.#modules.ledger;
    return pending === 0 || pending + batch.count <= this.#options.maxPending;
  }

  async #sendBatch(batch: PlannedBatch, signal: AbortSignal): Promise<void> {
    let indices = Array.from({ length: batch.count }, (_, offset) => batch.first + offset);
    let isRepeated = false;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const alive = indices.filter((index) => !this.#broken.has(this.#senderOf(index)));
      if (alive.length === 0) return;
      const errors = await this.#post(alive.length === batch.count ? batch.body : selectRequests(batch, alive), alive);
      const isLast = attempt === MAX_ATTEMPTS || signal.aborted;
      indices = this.#settle(errors, isRepeated, isLast);
      if (this.#broken.size > 0) this.#strand(batch);
      if (indices.length === 0) return;
      isRepeated = true;
      await pause(Math.min(BACKOFF_MAX_MS, BACKOFF_STEP_MS * attempt), signal);
    }
  }

  async #post(body: Buffer, indices: readonly number[]): Promise<SendError[]> {
    const { rpc, ledger } = this.#modules;
    const sentAtMs = performance.now();
    for (const index of indices) ledger.markSent(index, sentAtMs);
    try {
      return parseBatchAnswer(await rpc.post(body), indices);
    } catch (error) {
      return transportErrors(error, indices);
    }
  }

  /**
   * Books the errors and gives the transactions to send again. What was refused behind a repeated one of the same
   * sender is repeated too: it was refused for the gap.
   */
  #settle(errors: readonly SendError[], isRepeated: boolean, isLast: boolean): number[] {
    const { ledger } = this.#modules;
    const again: number[] = [];
    const waiting = new Set<number>();
    for (const error of errors) {
      if (isAlreadyKnown(error) || (isRepeated && isNonceUsed(error))) continue;
      ledger.countError(error.code, error.message);
      const sender = this.#senderOf(error.index);
      if (!isLast && (isRetryable(error) || waiting.has(sender))) {
        waiting.add(sender);
        again.push(error.index);
      } else {
        if (!this.#broken.has(sender)) this.#broken.set(sender, error.index);
        ledger.markRejected(error.index);
      }
    }
    return again;
  }

  /** What the node took of a sender after the refused nonce waits for that nonce in vain. */
  #strand(batch: PlannedBatch): void {
    for (let index = batch.first; index < batch.first + batch.count; index++) {
      const refusedIndex = this.#broken.get(this.#senderOf(index));
      if (refusedIndex !== undefined && index > refusedIndex) this.#modules.ledger.markStranded(index);
    }
  }

  #senderOf(index: number): number {
    return this.#load.senders[index] as number;
  }
}

/** The requests of a planned batch whose ids are in `indices`. */
function selectRequests(batch: PlannedBatch, indices: readonly number[]): Buffer {
  const wanted = new Set(indices);
  const requests = JSON.parse(batch.body.toString('latin1')) as { id: number }[];
  return Buffer.from(JSON.stringify(requests.filter(({ id }) => wanted.has(id))), 'latin1');
}

/** Ends early, without an error, when `signal` aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
