import type { NetworkNode } from '../network/network-node.ts';
import type { NodeStatus } from '../protocol/ports/chain.ts';
import { toHex } from '../util/bytes.ts';
import type { ChainStorage } from './open-storage.ts';
import { VERSION } from './version.ts';

export interface SequencerStatusModules {
  readonly storage: Pick<ChainStorage, 'store' | 'chainState'>;
  readonly epoch: () => number;
  readonly pooled: () => number;
  readonly network: Pick<NetworkNode, 'peerCount' | 'standings'>;
}

/** What a sequencer says of itself over JSON-RPC. */
export function createSequencerStatus({ storage, epoch, pooled, network }: SequencerStatusModules): NodeStatus {
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
      };
    },
    syncing: () => undefined,
    peerCount: () => network.peerCount(),
    peers: () => network.standings(),
    // A sequencer only writes what it signed once; replicas look for equivocations.
    equivocations: () => [],
  };
}
