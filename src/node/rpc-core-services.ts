import type { NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { Address } from '../protocol/primitives.ts';
import { locateRecord } from '../store/log-place.ts';
import type { SegmentLog } from '../store/segment-log.ts';
import { StrobeError } from '../util/errors.ts';
import type { CoreServices, PooledBytes } from './rpc-thread-api.ts';

export interface CoreServiceParts {
  readonly transactions: TransactionSink;
  readonly node: NodeStatus;
  /** Undefined: this node keeps no state trie. */
  readonly stateProofs: StateProver | undefined;
  readonly provers: readonly Address[];
  readonly isExcludedProver: (prover: Address) => boolean;
  readonly log: Pick<SegmentLog, 'segments'>;
  /** Where new transactions go while they are watched. */
  readonly onPooled: (pooled: PooledBytes) => void;
}

/** What the core thread does for that of JSON-RPC. */
export function createCoreServices(parts: CoreServiceParts): CoreServices {
  const { transactions, node, stateProofs, provers, isExcludedProver, log } = parts;
  return {
    transactions,
    pool: createPool(parts),
    node,
    stateProofs: stateProofs ?? {
      prove: () => Promise.reject(new StrobeError('PROOF_NOT_AVAILABLE', 'this node keeps no state trie')),
    },
    provers: { excluded: () => provers.filter(isExcludedProver) },
    log: { locate: (number) => locateRecord(log, number) },
  };
}

function createPool({ transactions, onPooled }: CoreServiceParts): CoreServices['pool'] {
  let stop: (() => void) | undefined;
  return {
    find: async (hash) => {
      const found = await transactions.pooledTransaction(hash);
      return found && { raw: found.transaction.raw, sender: found.sender };
    },
    watch: (isWatched) => {
      stop?.();
      stop = isWatched ? transactions.subscribePending?.(({ raw }, sender) => onPooled({ raw, sender })) : undefined;
    },
  };
}
