import type { NetDiff } from '../protocol/ports/state.ts';
import { keccak256 } from '../util/keccak.ts';
import { serveThread, Transferred } from '../util/thread.ts';
import { yieldToOtherThreads } from '../util/thread-priority.ts';
import type { NetDiffRequest } from './net-diff-thread.ts';
import { TableReader } from './table/table-reader.ts';

/** Of the one table that this thread reads. */
let reader: TableReader | undefined;

yieldToOtherThreads();
serveThread({
  compose: ({ handle, range }: NetDiffRequest): Transferred<NetDiff> => {
    reader ??= TableReader.attach(handle);
    const bytes = reader.netDiff(range);
    return new Transferred({ bytes, digest: keccak256(bytes) }, [bytes.buffer]);
  },
});
