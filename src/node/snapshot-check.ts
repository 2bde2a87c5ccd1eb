import { ThreadClient, workerUrl } from '../util/thread.ts';

export interface SnapshotCheckRequest {
  /** The snapshot file. */
  readonly path: string;
  /** The genesis file. */
  readonly genesis: string;
}

/**
 * Checks a snapshot file as assertTrustworthy does, in a thread that is there for this alone: it takes the memory of a
 * whole state and its tries, and seconds.
 */
export async function checkSnapshotFile(request: SnapshotCheckRequest): Promise<void> {
  const thread = new ThreadClient(workerUrl('snapshot-check-worker', import.meta.url));
  try {
    await thread.call('check', request);
  } finally {
    await thread.stop();
  }
}
