import type { NetworkNode } from '../network/network-node.ts';
import type { NodeStatus } from '../protocol/ports/chain.ts';
import type { Address } from '../protocol/primitives.ts';
import type { AttestationLag } from '../sequencer/attestation-lag.ts';
import { toHex } from '../util/bytes.ts';
import type { ChainStorage } from './open-storage.ts';
import { VERSION } from './version.ts';

export interface SequencerStatusModules {
  readonly storage: Pick<ChainStorage, 'store' | 'chainState'>;
  readonly epoch: () => number;
  readonly pooled: () => number;
  readonly network: Pick<NetworkNode, 'peerCount' | 'standings'>;
  readonly excludedProvers: () => readonly Address[];
  readonly attestationLag: () => AttestationLag;
  readonly maxUnattestedBlocks: number;
}

/** What a sequencer says of itself over JSON-RPC. */
export function createSequencerStatus(modules: SequencerStatusModules): NodeStatus {
  const { storage, epoch, pooled, network, excludedProvers, attestationLag, maxUnattestedBlocks } = modules;
  return {
    role: 'sequencer',
    version: VERSION,
    describe: async () => {
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
        excludedProvers: excludedProvers().map(toHex),
        ...attestationLag(),
        maxUnattestedBlocks,
      };
    },
    syncing: async () => undefined,
    peerCount: async () => network.peerCount(),
    peers: () => network.standings(),
    // A sequencer only writes what it signed once; replicas look for equivocations.
    equivocations: async () => [],
  };
}
