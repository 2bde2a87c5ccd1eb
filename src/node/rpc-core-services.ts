import type { NodeStatus, TransactionSink } from '../protocol/ports/chain.ts';
import type { PooledBytes, PoolReader } from '../protocol/ports/pool.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { StateNodes } from '../protocol/ports/simulation.ts';
import type { WitnessReader } from '../protocol/ports/witnesses.ts';
import type { Address } from '../protocol/primitives.ts';
import type { ChainState } from '../state/chain-state.ts';
import type { StateTable } from '../state/table/state-table.ts';
import { locateRecord } from '../store/log-place.ts';
import type { SegmentLog } from '../store/segment-log.ts';
import { StrobeError } from '../util/errors.ts';
import type { CoreServices } from './rpc-thread-api.ts';

export interface CoreServiceParts {
  readonly transactions: TransactionSink;
  readonly pool: PoolReader;
  readonly node: NodeStatus;
  /** Both undefined: this node keeps no state trie. */
  readonly stateProofs: StateProver | undefined;
  readonly stateNodes: StateNodes | undefined;
  readonly state: Pick<StateTable, 'rangeOf'>;
  readonly witnesses: WitnessReader;
  readonly chainState: Pick<ChainState, 'resources'>;
  readonly provers: readonly Address[];
  readonly isExcludedProver: (prover: Address) => boolean;
  readonly log: Pick<SegmentLog, 'segments'>;
  /** Where new transactions go while they are watched. */
  readonly onPooled: (pooled: PooledBytes) => void;
}

/** What the core thread does for that of JSON-RPC. */
export function createCoreServices(parts: CoreServiceParts): CoreServices {
  const { transactions, node, stateProofs, stateNodes, state, provers, isExcludedProver, log, chainState } = parts;
  return {
    transactions,
    pool: createPool(parts),
    arrivals: createArrivals(parts),
    listing: createListing(parts),
    node,
    stateProofs: stateProofs ?? { prove: noTrie },
    stateNodes: stateNodes ?? { nodes: noTrie },
    state: { rangeOf: (from, to) => state.rangeOf(from, to) },
    witnesses: { read: (blockNumber) => parts.witnesses.read(blockNumber) },
    resources: { read: () => chainState.resources() },
    provers: { excluded: () => provers.filter(isExcludedProver) },
    log: { locate: (number) => locateRecord(log, number) },
  };
}

async function noTrie(): Promise<never> {
  throw new StrobeError('PROOF_NOT_AVAILABLE', 'this node keeps no state trie');
}

function createListing({ pool }: CoreServiceParts): CoreServices['listing'] {
  return {
    counts: () => pool.counts(),
    list: async (limit, sender) => {
      const listed = await pool.list(limit, sender);
      return listed.map((entry) => ({ raw: entry.transaction.raw, sender: entry.sender, isQueued: entry.isQueued }));
    },
  };
}

function createPool({ transactions }: CoreServiceParts): CoreServices['pool'] {
  return {
    find: async (hash) => {
      const found = await transactions.pooledTransaction(hash);
      return found && { raw: found.transaction.raw, sender: found.sender };
    },
  };
}

function createArrivals({ transactions, onPooled }: CoreServiceParts): CoreServices['arrivals'] {
  let stop: (() => void) | undefined;
  return {
    watch: (isWatched) => {
      stop?.();
      stop = isWatched ? transactions.subscribePending(({ raw }, sender) => onPooled({ raw, sender })) : undefined;
    },
  };
}
