import type { MetricFactory } from '../observability/metrics.ts';
import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { CallExecutor } from '../protocol/ports/execution.ts';
import { isStrobeError } from '../util/errors.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { createExecutionMetrics, type ExecutionMetrics } from './execution-metrics.ts';
import { FairTurns } from './fair-turns.ts';

/**
 * Quick calls that one client may begin in vain: with 5 ms each they take a tenth of the thread. Beyond it his calls go to
 * the executors at once.
 */
const VAIN_QUICK_CALLS = { perSecond: 20, burst: 40 };

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
    const vain = this.#vainCallsOf(asker);
    if (quickCalls !== undefined && vain.hasSome(performance.now())) {
      try {
        const result = await run(quickCalls);
        this.#metrics.executedHere();
        return result;
      } catch (error) {
        if (!isStrobeError(error, 'CALL_TIMEOUT')) throw error;
        vain.spend(1, performance.now());
        this.#metrics.givenUpHere();
      }
    }
    return this.run(asker, () => run(calls));
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
