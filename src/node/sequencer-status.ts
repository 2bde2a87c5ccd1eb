import type { NodeStatus } from '../protocol/ports/chain.ts';
import type { AttestationLag } from '../sequencer/attestation-lag.ts';
import { toHex } from '../util/bytes.ts';
import type { ChainStorage } from './open-storage.ts';
import { VERSION } from './version.ts';

export interface SequencerStatusModules {
  readonly storage: Pick<ChainStorage, 'store' | 'chainState'>;
  readonly epoch: () => number;
  readonly pooled: () => number;
  readonly peerCount: () => number;
  readonly attestationLag: () => AttestationLag;
  readonly maxUnattestedBlocks: number;
}

/** What a sequencer says of itself over JSON-RPC. */
export function createSequencerStatus(modules: SequencerStatusModules): NodeStatus {
  const { storage, epoch, pooled, peerCount, attestationLag, maxUnattestedBlocks } = modules;
  return {
    role: 'sequencer',
    version: VERSION,
    describe: () => {
      const head = storage.chainState.head();
      return {
        state: 'sequencing',
        epoch: epoch(),
        miniBlock: head.number,
        miniBlockDigest: toHex(head.digest),
        block: storage.store.head().header.number,
        safe: storage.store.safeNumber() ?? null,
        finalized: storage.store.finalizedNumber() ?? null,
        pooledTransactions: pooled(),
        ...attestationLag(),
        maxUnattestedBlocks,
      };
    },
    syncing: () => undefined,
    peerCount,
    // A sequencer only writes what it signed once; replicas look for equivocations.
    equivocations: () => [],
  };
}
