import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkSnapshotFile } from '../../../src/node/snapshot-check.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

test('the check of a snapshot is broken off when it is asked to', async () => {
  const missing = join(tempDirectory(), 'missing');
  const request = { path: missing, genesis: missing };
  const stop = new AbortController();
  const checking = checkSnapshotFile(request, stop.signal);
  stop.abort();
  await expect(checking).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
  await expect(checkSnapshotFile(request, stop.signal)).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
  await expect(checkSnapshotFile(request, new AbortController().signal)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});
