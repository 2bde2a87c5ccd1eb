import type { Logger, LogLevel } from '../observability/logger.ts';
import type { MetricFactory, Metrics } from '../observability/metrics.ts';
import type { PooledBytes } from '../protocol/ports/pool.ts';
import type { RpcAddress } from '../rpc/server.ts';
import { errorMessage, StrobeError, toStrobeError } from '../util/errors.ts';
import { invokeService } from '../util/remote-services.ts';
import { workerUrl } from '../util/thread.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import { startWorkerHost, type WorkerHost } from '../util/worker-host.ts';
import { type CoreServiceParts, createCoreServices } from './rpc-core-services.ts';
import { feedRpc, type RpcFeedModules } from './rpc-feed.ts';
import { writeRelayed } from './rpc-log.ts';
import type { CoreApi, FedChange, RpcThreadApi, RpcThreadData, RpcThreadOptions } from './rpc-thread-api.ts';

/**
 * Bytes of mini-blocks that the thread has not taken yet. It takes them between two requests, so this much means that it
 * has stood still for minutes: the node ends then, as with any dead thread.
 */
const MAX_BACKLOG_BYTES = 512 * 2 ** 20;

/** New transactions told and not taken yet; beyond it subscribers miss some, as with any client of a pool's feed. */
const MAX_POOLED_BACKLOG = 20_000;

/** A scraper waits so long for a thread that runs a long call, then it gets the figures of the last time. */
const METRICS_TIMEOUT_MS = 500;

/** Longer than the server gives to requests under way, shorter than the process gives to all of its parts. */
const STOP_TIMEOUT_MS = 8_000;

export type RpcThreadModules = RpcFeedModules &
  Omit<CoreServiceParts, 'onPooled'> & { readonly metrics: Metrics; readonly logger: Logger };

/** Runs it in a worker thread of its own. */
export function openRpcThread(data: RpcThreadData, entry: URL = workerUrl('rpc-worker', import.meta.url)): WorkerHost {
  const failure = (cause: unknown): StrobeError =>
    new StrobeError('RPC_THREAD_FAILED', `the thread of JSON-RPC died: ${errorMessage(cause)}`, {}, { cause });
  return startWorkerHost(entry, { name: 'json-rpc', data, failure });
}

/** The core's end of JSON-RPC: feeds it, serves what it asks for, and notices its death. */
export class RpcThread {
  /** Rejects when JSON-RPC cannot go on; never resolves. */
  readonly failed: Promise<never>;
  readonly #host: WorkerHost;
  readonly #rpc: ThreadRpc<CoreApi, RpcThreadApi>;
  readonly #modules: RpcThreadModules;
  readonly #failure = Promise.withResolvers<never>();
  readonly #removeMetrics: () => void;
  #stopFeed: (() => void) | undefined;
  #isStopped = false;
  #backlogBytes = 0;
  #pooledBacklog = 0;
  /** What the thread exposed last. */
  #metricsPage = '';

  constructor(host: WorkerHost, modules: RpcThreadModules) {
    this.#host = host;
    this.#modules = modules;
    const services = createCoreServices({ ...modules, onPooled: (pooled) => this.#tellPooled(pooled) });
    this.#rpc = new ThreadRpc<CoreApi, RpcThreadApi>(host.channel, {
      invoke: (service, method, args) => invokeService(services, service, method, args),
      log: (line) => writeRelayed(modules.logger, line),
    });
    this.failed = this.#failure.promise;
    // Whoever runs the thread awaits `failed`; until then a rejection is not unhandled.
    this.failed.catch(() => {});
    host.died.catch((error: unknown) => this.#fail(error));
    modules.logger.on('level-change', this.#onLogLevel);
    this.#removeMetrics = modules.metrics.addSource(() => this.#exposeMetrics());
    this.#declareMetrics(modules.metrics);
  }

  readonly #onLogLevel = (level: string): void => {
    // A thread that is gone has nothing more to log.
    this.#rpc.call('setLogLevel', level as LogLevel).catch(() => undefined);
  };

  /** Begins to serve the chain as it is now. @throws StrobeError RPC_LISTEN_FAILED, DATABASE_FAILED, RPC_THREAD_FAILED */
  async start(options: RpcThreadOptions): Promise<RpcAddress> {
    const { begin, stop } = feedRpc(this.#modules, (fed) => this.#feed(fed));
    this.#stopFeed = stop;
    return Promise.race([this.#rpc.call('begin', options, begin), this.failed]);
  }

  /** Lets requests under way be answered, for some seconds at most. */
  async stop(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_TIMEOUT_MS);
    });
    // A thread that is dead has said so elsewhere.
    const stopped = this.#rpc.call('stop').catch(() => undefined);
    await Promise.race([stopped, deadline, this.failed.catch(() => undefined)]);
    clearTimeout(timer);
    this.#isStopped = true;
    this.#stopFeed?.();
    this.#removeMetrics();
    this.#modules.logger.off('level-change', this.#onLogLevel);
    this.#rpc.close(new StrobeError('THREAD_STOPPED', 'JSON-RPC was stopped'));
    await this.#host.close();
  }

  #feed(fed: FedChange): void {
    const bytes = fed.change.kind === 'miniBlock' ? fed.change.record.length : 0;
    this.#backlogBytes += bytes;
    if (this.#backlogBytes > MAX_BACKLOG_BYTES) {
      this.#fail(new StrobeError('RPC_THREAD_STUCK', 'the thread of JSON-RPC does not follow the chain any more'));
      return;
    }
    this.#rpc.call('apply', fed).then(
      () => {
        this.#backlogBytes -= bytes;
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #tellPooled(pooled: PooledBytes): void {
    if (this.#pooledBacklog >= MAX_POOLED_BACKLOG) return;
    this.#pooledBacklog++;
    this.#rpc.call('onPooled', pooled).then(
      () => {
        this.#pooledBacklog--;
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Everything that waits for the thread, and the node, hears of it. */
  #fail(error: unknown): void {
    // What the stop itself cut off is no failure.
    if (this.#isStopped) return;
    const reason = toStrobeError(error);
    this.#stopFeed?.();
    this.#rpc.close(reason);
    // Rejecting again does nothing.
    this.#failure.reject(reason);
  }

  async #exposeMetrics(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(this.#metricsPage), METRICS_TIMEOUT_MS);
    });
    const asked = this.#rpc.call('metrics').catch(() => this.#metricsPage);
    this.#metricsPage = await Promise.race([asked, late]);
    clearTimeout(timer);
    return this.#metricsPage;
  }

  #declareMetrics(factory: MetricFactory): void {
    factory.gauge({
      name: 'rpc_backlog_bytes',
      help: 'Mini-blocks that the thread of JSON-RPC has not taken yet.',
      collect: (gauge) => gauge.set(this.#backlogBytes),
    });
  }
}
