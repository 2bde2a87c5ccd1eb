import { ThreadClient, workerUrl } from '../util/thread.ts';

export interface SnapshotCheckRequest {
  /** The snapshot file. */
  readonly path: string;
  /** The genesis file. */
  readonly genesis: string;
}

/**
 * Checks a snapshot file as assertTrustworthy does, in a thread that is there for this alone: it takes the memory of a
 * whole state and its tries, and seconds to minutes.
 * @throws StrobeError as that, and THREAD_STOPPED when `signal` aborts
 */
export async function checkSnapshotFile(request: SnapshotCheckRequest, signal: AbortSignal): Promise<void> {
  const thread = new ThreadClient(workerUrl('snapshot-check-worker', import.meta.url));
  const onAbort = (): void => void thread.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await thread.call('check', request);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await thread.stop();
  }
}
