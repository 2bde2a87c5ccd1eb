import type { StoredReach } from '../protocol/ports/history.ts';
import type { StateHistoryHost } from '../state/state-history-feed.ts';
import type { HistoryWriterOptions } from '../store/state-history/history-writer.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { StateHistoryService } from './state-history-service.ts';

/** Where the history of the state is written: in a worker thread, or on the calling thread. */
export interface StateHistoryWriting extends StateHistoryHost {
  /** To be called first. @throws StrobeError LOCKED, DATABASE_FAILED, VERSION_NOT_SUPPORTED */
  open(): Promise<StoredReach | undefined>;
  /** Behind what was asked for before. */
  close(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}

/** Runs in a worker thread of its own. */
export function startStateHistoryThread(options: HistoryWriterOptions): StateHistoryWriting {
  const thread = new ThreadClient(workerUrl('state-history-worker', import.meta.url), options);
  return {
    open: () => thread.call('open', undefined),
    append: (request) => thread.call('append', request),
    begin: (end) => thread.call('begin', end),
    removeAbove: (end) => thread.call('removeAbove', end),
    close: async () => {
      await thread.call('close', undefined);
      await thread.stop();
    },
    failed: thread.failed,
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineStateHistory(options: HistoryWriterOptions): StateHistoryWriting {
  const service = new StateHistoryService(options);
  let queue: Promise<unknown> = Promise.resolve();
  const inOrder = <Result>(job: () => Promise<Result>): Promise<Result> => {
    const run = queue.then(job);
    queue = run.catch(() => undefined);
    return run;
  };
  return {
    open: () => inOrder(() => service.open()),
    append: (request) => inOrder(() => service.append(request)),
    begin: (end) => inOrder(() => service.begin(end)),
    removeAbove: (end) => inOrder(() => service.removeAbove(end)),
    close: () => inOrder(() => service.close()),
    failed: new Promise<never>(() => {}),
  };
}
