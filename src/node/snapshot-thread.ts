import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { type AttachSnapshot, type SnapshotRequest, SnapshotService, type SnapshotServiceOptions } from './snapshot-service.ts';

/** Writing snapshots behind a thread boundary: the same work in a worker thread or on the calling thread. */
export interface SnapshotHost<Handle> {
  /** Resolves when the snapshot is whole on disk. @throws StrobeError as SnapshotStore.write, THREAD_STOPPED */
  write(request: SnapshotRequest<Handle>): Promise<SnapshotManifest>;
  /** Gives up what is being written. */
  stop(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}

/** Runs in a worker thread of its own. A write that {@link SnapshotHost.stop} ends leaves a partial file for the next open. */
export function startSnapshotThread<Handle>(
  options: SnapshotServiceOptions,
  entry: URL = workerUrl('snapshot-worker', import.meta.url),
): SnapshotHost<Handle> {
  const thread = new ThreadClient(entry, options);
  return {
    write: (request) => thread.call('write', request),
    stop: () => thread.stop(),
    failed: thread.failed,
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineSnapshots<Handle>(
  options: SnapshotServiceOptions,
  attach: AttachSnapshot<Handle>,
): SnapshotHost<Handle> {
  const service = new SnapshotService(options, attach);
  const stopped = new AbortController();
  return {
    write: (request) => service.write(request, stopped.signal),
    stop: async () => stopped.abort(),
    failed: new Promise<never>(() => {}),
  };
}
