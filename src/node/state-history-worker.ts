import { workerData } from 'node:worker_threads';
import type { BlockEnd } from '../protocol/ports/history.ts';
import type { AppendRequest } from '../state/state-history-feed.ts';
import type { HistoryWriterOptions } from '../store/state-history/history-writer.ts';
import { serveThread } from '../util/thread.ts';
import { yieldToOtherThreads } from '../util/thread-priority.ts';
import { StateHistoryService } from './state-history-service.ts';

const service = new StateHistoryService(workerData as HistoryWriterOptions);

yieldToOtherThreads();
serveThread({
  open: () => service.open(),
  append: (request: AppendRequest) => service.append(request),
  begin: (end: BlockEnd) => service.begin(end),
  removeAbove: (end: BlockEnd) => service.removeAbove(end),
  close: () => service.close(),
});
