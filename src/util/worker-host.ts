import { StrobeError } from './errors.ts';
import { startWorker } from './start-worker.ts';
import { type Channel, createThreadChannel } from './thread-channel.ts';

/** One end of a part of the program that runs elsewhere. */
export interface WorkerHost {
  readonly channel: Channel;
  /** Rejects when it dies by itself. */
  readonly died: Promise<never>;
  close(): Promise<void>;
}

export interface WorkerHostOptions {
  /** Of the thread, as debuggers and profiles show it. */
  readonly name: string;
  /** Its `workerData`. */
  readonly data: unknown;
  /** What {@link WorkerHost.died} rejects with: the thread threw `cause`, or ended with an exit code, and `cause` says so. */
  readonly failure: (cause: unknown, exitCode?: number) => unknown;
}

/** Starts a worker thread that talks through a channel. */
export function startWorkerHost(entry: URL, { name, data, failure }: WorkerHostOptions): WorkerHost {
  const worker = startWorker(entry, { workerData: data, name });
  const death = Promise.withResolvers<never>();
  // It may die before anybody listens, who is told then.
  death.promise.catch(() => {});
  let isClosing = false;
  const die = (cause: unknown, exitCode?: number): void => {
    if (!isClosing) death.reject(failure(cause, exitCode));
  };
  worker.once('error', (cause) => die(cause));
  worker.once('exit', (code) => die(new StrobeError('THREAD_EXITED', `exit code ${code}`), code));
  return {
    channel: createThreadChannel(worker),
    died: death.promise,
    close: async () => {
      isClosing = true;
      await worker.terminate();
    },
  };
}
