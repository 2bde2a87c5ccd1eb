import type { MetricFactory } from '../observability/metrics.ts';
import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { CallExecutor } from '../protocol/ports/execution.ts';
import { isStrobeError } from '../util/errors.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { TurnSlice } from '../util/turn-slice.ts';
import { createExecutionMetrics, type ExecutionMetrics } from './execution-metrics.ts';
import { FairTurns } from './fair-turns.ts';

/**
 * Quick calls that one client may begin in vain: with 5 ms each they take a tenth of the thread. Beyond it his calls go to
 * the executors at once.
 */
const VAIN_QUICK_CALLS = { perSecond: 20, burst: 40 };

/**
 * Longest run of quick calls without a turn of the event loop, ms: a batch starts hundreds at once, and this thread has a
 * chain to follow and others to answer.
 */
const SLICE_MS = 5;

export interface ExecutionsOptions {
  /** Threads for long executions. */
  readonly executors: number;
  readonly maxWaitingExecutions: number;
}

export interface ExecutionsModules {
  readonly backend: Pick<RpcBackend, 'calls' | 'quickCalls'>;
  readonly metrics?: MetricFactory | undefined;
}

/**
 * Whatever executes, where it belongs: a call in this thread as long as that takes some milliseconds, everything longer in
 * the executors, of which each does one thing at a time. So no execution keeps sends and subscriptions waiting.
 */
export class Executions {
  readonly #backend: ExecutionsModules['backend'];
  readonly #turns: FairTurns;
  readonly #metrics: ExecutionMetrics;
  /** By asker. */
  readonly #vainCalls = new WeakMap<object, TokenBucket>();
  /** The newest quick call: they follow each other. */
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;
  readonly #slice = new TurnSlice(SLICE_MS);

  constructor({ executors, maxWaitingExecutions }: ExecutionsOptions, { backend, metrics }: ExecutionsModules) {
    this.#backend = backend;
    this.#turns = new FairTurns({ places: executors, maxWaiting: maxWaitingExecutions });
    this.#metrics = createExecutionMetrics(metrics, { waiting: () => this.#turns.waiting });
  }

  /**
   * A call, estimate or search for an access list. `run` is called again, from the start, when it takes too long here; it
   * has to ask for the same then.
   * @param asker for whom; compared by identity
   * @throws StrobeError LIMIT_EXCEEDED, NOT_AVAILABLE, EXECUTOR_FAILED, and what `run` throws
   */
  async call<Result>(asker: object, run: (calls: CallExecutor) => Promise<Result>): Promise<Result> {
    const { calls, quickCalls } = this.#backend;
    if (quickCalls !== undefined) {
      const quick = await this.#inOrder(() => this.#tryHere(asker, () => run(quickCalls)));
      if (quick !== undefined) return quick.result;
    }
    return this.run(asker, () => run(calls));
  }

  /** Undefined: it takes too long here, or is not to be tried. */
  async #tryHere<Result>(asker: object, run: () => Promise<Result>): Promise<{ readonly result: Result } | undefined> {
    const vain = this.#vainCallsOf(asker);
    if (!vain.hasSome(performance.now())) return undefined;
    try {
      const result = await run();
      this.#metrics.executedHere();
      return { result };
    } catch (error) {
      if (!isStrobeError(error, 'CALL_TIMEOUT')) throw error;
      vain.spend(1, performance.now());
      this.#metrics.givenUpHere();
      return undefined;
    }
  }

  /**
   * Calls that come in one turn of the event loop are executed behind it, one after the other: between two reads from
   * sockets each would find the processor's caches full of something else, and take a quarter longer.
   */
  #inOrder<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#unfinished++ === 0) {
      this.#last = this.#slice.next();
    }
    const done = this.#last.then(() => this.#inSlice(job)).finally(() => this.#unfinished--);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #inSlice<Result>(job: () => Promise<Result>): Promise<Result> {
    const turn = this.#slice.pause();
    if (turn !== undefined) await turn;
    return job();
  }

  /** What is long as a rule: traces and simulations. `job` asks an executor for one thing. Throws as {@link Executions.call}. */
  run<Result>(asker: object, job: () => Promise<Result>): Promise<Result> {
    const askedMs = performance.now();
    return this.#turns.run(asker, () => {
      this.#metrics.givenToExecutor((performance.now() - askedMs) / 1_000);
      return job();
    });
  }

  /** Refuses what waits. */
  stop(): void {
    this.#turns.stop();
  }

  #vainCallsOf(asker: object): TokenBucket {
    const known = this.#vainCalls.get(asker);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(VAIN_QUICK_CALLS, performance.now());
    this.#vainCalls.set(asker, bucket);
    return bucket;
  }
}
