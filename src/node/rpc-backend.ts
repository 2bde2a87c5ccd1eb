import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import { strobeForks } from '../protocol/fork-config.ts';
import type { ReceiptProver, RpcBackend } from '../protocol/ports/chain.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { NewestState } from '../protocol/ports/simulation.ts';
import { decodeStateDiff } from '../protocol/state-diff.ts';
import type { HistoryViews } from '../state/historical-state.ts';
import { MiniBlockChanges } from '../state/mini-block-changes.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import type { StateFollower } from '../state/state-follower.ts';
import type { ChainFollower } from '../store/chain-follower.ts';
import { bytesEqual } from '../util/bytes.ts';
import { type InvokeService, remoteServices } from '../util/remote-services.ts';
import type { ExecutorPool } from './executor-pool.ts';
import { remoteExecutors } from './remote-executors.ts';
import { type RemotePool, remoteListing } from './rpc-remote-pool.ts';
import type { CoreServices, RpcThreadOptions } from './rpc-thread-api.ts';

/**
 * Most questions of each kind that wait for the core thread's answer; beyond it clients are refused, so that no flood
 * fills its memory or keeps it from its clock.
 */
const MAX_IN_FLIGHT: { readonly [K in keyof CoreServices]: number } = {
  // As many as synchronous sends may wait: each is on its way for the time of a signature's recovery.
  transactions: 50_000,
  pool: 1_000,
  // Of its own, so that no flood of other questions keeps the core from hearing what is wanted; each is a moment's work.
  arrivals: 50_000,
  // A listing of ten thousand transactions takes the core thread some milliseconds.
  listing: 4,
  node: 1_000,
  // The prover has a bound of its own; this one is above it, so that its error is what clients see.
  stateProofs: 1_000,
  // One at a time for each executor.
  stateNodes: 64,
  state: 1_000,
  // Each is some megabytes.
  witnesses: 8,
  resources: 1_000,
  provers: 1_000,
  // Fewer are read at one time, see LogFileReader.
  log: 64,
};

export interface RpcBackendParts {
  readonly chain: ChainFollower;
  readonly state: StateFollower;
  /** States older than those in memory; undefined: they are not kept. */
  readonly history: HistoryViews | undefined;
  readonly recentHeaders: RecentHeaders;
  readonly receiptProofs: ReceiptProver;
  /** Undefined: this node keeps no state trie. */
  readonly stateProofs: StateProver | undefined;
  readonly transactions: RemotePool;
  readonly core: RemoteCore;
  readonly executors: ExecutorPool;
}

/** The core thread's services as they are called from here. */
export type RemoteCore = ReturnType<typeof remoteCore>;

export function remoteCore(invoke: InvokeService) {
  return remoteServices<CoreServices>(invoke, MAX_IN_FLIGHT);
}

/** Everything that JSON-RPC serves from in its thread: what can be read here is read here, the core thread is asked for the rest. */
export function createRpcBackend(options: RpcThreadOptions, parts: RpcBackendParts): RpcBackend {
  const { chain, state, history, recentHeaders, receiptProofs, stateProofs, transactions, core, executors } = parts;
  const { chainId, callLimits, executions } = options;
  const quickLimits = { ...callLimits, maxCallMs: Math.min(executions.quickCallMs, callLimits.maxCallMs) };
  const oldestInMemory = (): number => state.oldestBlock() ?? chain.head().header.number;
  return {
    get state() {
      return state.latest();
    },
    stateAt: (blockNumber) => state.stateAt(blockNumber) ?? history?.at(blockNumber),
    stateHistory: { oldestState: () => Math.min(oldestInMemory(), history?.oldest ?? Number.POSITIVE_INFINITY) },
    stateChanges: new MiniBlockChanges({ statesOf: (number) => state.statesOf(number) }),
    forks: strobeForks(chain.genesisHash),
    ...{ chain, transactions, receiptProofs, stateProofs },
    quickCalls: new EthereumJsCallExecutor({ chainId, ...quickLimits }, { blockHash: (number) => recentHeaders.hashOf(number) }),
    ...remoteExecutors({ pool: executors, recentHeaders, newestState: (since) => newestStateOf(state, since) }),
    witnesses: { read: (blockNumber) => core.witnesses.read(blockNumber) },
    resources: { maxTransactionGas: options.maxTransactionGas, read: () => core.resources.read() },
    pool: remoteListing(core.listing),
    node: { ...options.node, ...nodeOf(core) },
    attestationPolicy: async () => {
      const excluded = await core.provers.excluded();
      return { ...options.policy, isExcluded: (prover) => excluded.some((each) => bytesEqual(each, prover)) };
    },
  };
}

/** The view is taken at once, and its changes lead to that very one. */
async function newestStateOf(follower: StateFollower, since: number | undefined): Promise<NewestState> {
  const state = follower.latest();
  const changes = since === undefined ? undefined : await follower.changesSince(since);
  return { state, changes: changes && decodeStateDiff(changes) };
}

/** Spelled out: the services of another thread are no properties that could be spread. */
function nodeOf({ node }: RemoteCore): CoreServices['node'] {
  return {
    describe: () => node.describe(),
    syncing: () => node.syncing(),
    peerCount: () => node.peerCount(),
    peers: () => node.peers(),
    equivocations: () => node.equivocations(),
  };
}
