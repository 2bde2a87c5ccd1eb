import { type MessagePort, parentPort, type Transferable } from 'node:worker_threads';
import { type ErrorMeta, errorMessage, StrobeError } from './errors.ts';
import { startWorker } from './start-worker.ts';

interface Request {
  /** Absent: nobody waits for an answer. */
  readonly id?: number;
  readonly method: string;
  readonly argument: unknown;
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { code: string; message: string; meta: ErrorMeta } };

export type ThreadHandlers = Record<string, (argument: never) => unknown>;

/** Result of a handler whose buffers move to the caller instead of being copied. */
export class Transferred<Result> {
  readonly result: Result;
  readonly buffers: readonly Transferable[];

  constructor(result: Result, buffers: readonly Transferable[]) {
    this.result = result;
    this.buffers = buffers;
  }
}

/**
 * Serves calls in a worker thread, one after the other. An error in a posted call (nobody waits for it) ends the
 * worker, so that no half-done work goes unseen.
 */
export function serveThread(handlers: ThreadHandlers): void {
  const port = parentPort;
  if (port === null) throw new StrobeError('NOT_A_WORKER', 'this file runs in a worker thread');
  let queue = Promise.resolve();
  port.on('message', (request: Request) => {
    queue = queue.then(() => handle(port, handlers, request));
  });
}

async function handle(port: MessagePort, handlers: ThreadHandlers, { id, method, argument }: Request): Promise<void> {
  try {
    const handler = handlers[method];
    if (handler === undefined) throw new StrobeError('UNKNOWN_METHOD', `no handler ${method}`);
    const outcome = await handler(argument as never);
    if (id === undefined) return;
    if (outcome instanceof Transferred) port.postMessage({ id, result: outcome.result }, [...outcome.buffers]);
    else port.postMessage({ id, result: outcome } satisfies Answer);
  } catch (error) {
    if (id === undefined) throw error;
    port.postMessage({ id, error: serialise(error) } satisfies Answer);
  }
}

function serialise(error: unknown): { code: string; message: string; meta: ErrorMeta } {
  if (error instanceof StrobeError) return error.toJSON();
  return { code: 'THREAD_CALL_FAILED', message: errorMessage(error), meta: {} };
}

/** URL of a worker's entry file beside `importMetaUrl`: TypeScript when run from source, JavaScript when built. */
export function workerUrl(name: string, importMetaUrl: string): URL {
  return new URL(`./${name}${importMetaUrl.endsWith('.ts') ? '.ts' : '.js'}`, importMetaUrl);
}

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The caller's end of a worker thread that runs {@link serveThread}. */
export class ThreadClient {
  /** Rejects when the thread dies by itself; never resolves. */
  readonly failed: Promise<never>;
  readonly #worker: ReturnType<typeof startWorker>;
  readonly #waiters = new Map<number, Waiter>();
  #nextId = 1;
  /** Why there will be no more answers; undefined while the thread runs. */
  #ended: StrobeError | undefined;

  constructor(entry: URL, workerData?: unknown) {
    this.#worker = startWorker(entry, { workerData });
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.failed = new Promise((_, reject) => {
      const fail = (cause: unknown): void => {
        if (this.#ended !== undefined) return;
        const error = new StrobeError('THREAD_DIED', `a worker thread died: ${errorMessage(cause)}`, {}, { cause });
        this.#end(error);
        reject(error);
      };
      this.#worker.once('error', fail);
      this.#worker.once('exit', (code) => fail(new StrobeError('THREAD_EXITED', `exit code ${code}`)));
    });
    // Whoever runs the thread awaits `failed`; until then a rejection is not unhandled.
    this.failed.catch(() => {});
  }

  /** @throws StrobeError what the handler threw, THREAD_DIED, or THREAD_STOPPED */
  call<Result>(method: string, argument: unknown, transfer: readonly Transferable[] = []): Promise<Result> {
    // A dead thread takes messages in silence: the caller would wait for ever.
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise<Result>((resolve, reject) => {
      this.#worker.postMessage({ id, method, argument } satisfies Request, [...transfer]);
      this.#waiters.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** A call without an answer; its failure shows in {@link ThreadClient.failed}. */
  post(method: string, argument: unknown, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage({ method, argument } satisfies Request, [...transfer]);
  }

  async stop(): Promise<void> {
    this.#end(new StrobeError('THREAD_STOPPED', 'the thread was stopped'));
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const waiter = this.#waiters.get(answer.id);
    if (waiter === undefined) return;
    this.#waiters.delete(answer.id);
    if ('error' in answer) waiter.reject(StrobeError.from(answer.error));
    else waiter.resolve(answer.result);
  }

  #end(error: StrobeError): void {
    this.#ended ??= error;
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}
