import { withSnapshotFile } from '../store/snapshot/snapshot-file.ts';
import { serveThread } from '../util/thread.ts';
import { loadGenesisChain } from './genesis-chain.ts';
import type { SnapshotCheckRequest } from './snapshot-check.ts';
import { assertTrustworthy } from './snapshot-trust.ts';

serveThread({
  check: async ({ path, genesis }: SnapshotCheckRequest) => {
    const chain = await loadGenesisChain(genesis);
    await withSnapshotFile(path, (file) => assertTrustworthy(file, chain));
  },
});
