import type { ArchiveTrieHost } from '../state/archive/archive-trie-host.ts';
import type { TableHandle } from '../state/table/table-reader.ts';
import { StopFlag } from '../util/stop-flag.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import type { SharedHistory } from './state-history-parts.ts';

/** What the thread is started with. */
export interface ArchiveTrieData {
  readonly state: TableHandle;
  readonly history: SharedHistory;
  /** A {@link StopFlag}: the thread is to end. */
  readonly stopping: SharedArrayBuffer;
}

/** Runs in a worker thread of its own, which ends within some rows of a move. */
export function startArchiveTrieThread(parts: Omit<ArchiveTrieData, 'stopping'>): ArchiveTrieHost {
  const stopping = new StopFlag();
  const data: ArchiveTrieData = { ...parts, stopping: stopping.shared };
  const thread = new ThreadClient(workerUrl('archive-trie-worker', import.meta.url), data);
  return {
    moveTo: (request) => thread.call('moveTo', request),
    prove: (request) => thread.call('prove', request),
    stop: async () => {
      stopping.raise();
      // A thread that is dead has closed everything.
      await thread.call('close', undefined).catch(() => undefined);
      await thread.stop();
    },
    failed: thread.failed,
  };
}
