import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import type { WorkerHost } from '../util/worker-host.ts';
import type { ExecutorApi, ExecutorHostApi } from './executor-api.ts';

/** What a request is carried out by. */
export type Executor = Pick<ThreadRpc<ExecutorHostApi, ExecutorApi>, 'call'>;

export interface ExecutorPoolOptions {
  /** Threads at most. */
  readonly executors: number;
  /** An executor ends its work in time by itself; one that has not answered after so long is stuck, and is ended. */
  readonly stuckAfterMs: number;
}

export interface ExecutorPoolModules {
  readonly start: () => WorkerHost;
  readonly host: ExecutorHostApi;
  readonly logger: Logger;
  readonly metrics: MetricFactory;
}

interface Running {
  readonly thread: WorkerHost;
  readonly rpc: ThreadRpc<ExecutorHostApi, ExecutorApi>;
}

/**
 * Threads for long executions. Each starts when it is first needed, as most nodes are never asked for so much at a time. One
 * that dies takes its own request with it; the next request has a new one.
 */
export class ExecutorPool {
  readonly #options: ExecutorPoolOptions;
  readonly #modules: ExecutorPoolModules;
  readonly #running = new Set<Running>();
  /** Those of the running ones that have nothing to do. */
  readonly #idle: Running[] = [];
  readonly #deaths: { inc(): void };
  #isStopped = false;

  constructor(options: ExecutorPoolOptions, modules: ExecutorPoolModules) {
    this.#options = options;
    this.#modules = modules;
    const { metrics } = modules;
    this.#deaths = metrics.counter({
      name: 'rpc_executors_died_total',
      help: 'Threads for long executions that died or stood still; each failed one request and was replaced.',
    });
    metrics.gauge({
      name: 'rpc_executors',
      help: 'Threads for long executions that run.',
      collect: (gauge) => gauge.set(this.#running.size),
    });
  }

  /**
   * Gives `job` an executor of its own. Whoever asks keeps to the number of executors.
   * @throws StrobeError EXECUTOR_FAILED, THREAD_BUSY when all are busy, THREAD_STOPPED, and what `job` throws
   */
  async run<Result>(job: (executor: Executor) => Promise<Result>): Promise<Result> {
    const executor = this.#take();
    const { stuckAfterMs } = this.#options;
    const watchdog = setTimeout(() => {
      this.#lose(executor, new StrobeError('EXECUTOR_STUCK', `no answer in ${stuckAfterMs} ms`));
    }, stuckAfterMs);
    try {
      return await job(executor.rpc);
    } finally {
      clearTimeout(watchdog);
      if (this.#running.has(executor)) this.#idle.push(executor);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const threads = [...this.#running];
    this.#running.clear();
    for (const { rpc } of threads) rpc.close(new StrobeError('THREAD_STOPPED', 'JSON-RPC was stopped'));
    await Promise.all(threads.map(({ thread }) => thread.close()));
  }

  #take(): Running {
    if (this.#isStopped) throw new StrobeError('THREAD_STOPPED', 'JSON-RPC was stopped');
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#running.size >= this.#options.executors) throw new StrobeError('THREAD_BUSY', 'all executors are busy');
    const thread = this.#modules.start();
    const executor = { thread, rpc: new ThreadRpc<ExecutorHostApi, ExecutorApi>(thread.channel, this.#modules.host) };
    this.#running.add(executor);
    thread.died.catch((error: unknown) => this.#lose(executor, error));
    return executor;
  }

  /** What it was doing fails; the next request that needs one starts another. */
  #lose(executor: Running, cause: unknown): void {
    // It was stopped, or is lost already: its end is no news.
    if (!this.#running.delete(executor)) return;
    const at = this.#idle.indexOf(executor);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#deaths.inc();
    this.#modules.logger.error({ err: cause }, `an executor died, another will take its place: ${errorMessage(cause)}`);
    executor.rpc.close(new StrobeError('EXECUTOR_FAILED', 'execution aborted: the thread that ran it died'));
    // A thread that ended by itself ends again without a word.
    void executor.thread.close();
  }
}
