import { EthereumJsCallExecutor } from '../execution/ethereumjs/call-executor.ts';
import type { ReceiptProver, RpcBackend } from '../protocol/ports/chain.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import type { StateFollower } from '../state/state-follower.ts';
import type { ChainFollower } from '../store/chain-follower.ts';
import { bytesEqual } from '../util/bytes.ts';
import { type InvokeService, remoteServices } from '../util/remote-services.ts';
import type { RemotePool } from './rpc-remote-pool.ts';
import type { CoreServices, RpcThreadOptions } from './rpc-thread-api.ts';

/**
 * Most questions of each kind that wait for the core thread's answer; beyond it clients are refused, so that no flood
 * fills its memory or keeps it from its clock.
 */
const MAX_IN_FLIGHT: { readonly [K in keyof CoreServices]: number } = {
  // As many as synchronous sends may wait: each is on its way for the time of a signature's recovery.
  transactions: 50_000,
  pool: 1_000,
  node: 1_000,
  // The prover has a bound of its own; this one is above it, so that its error is what clients see.
  stateProofs: 1_000,
  provers: 1_000,
  // Each opens a file of the log then.
  log: 64,
};

/**
 * Longest call or estimate, ms. On a replica geth's --rpc.evmtimeout. Calls run one after the other in this thread, and on a
 * sequencer everybody's transactions wait behind one: no longer than a synchronous send waits (EIP-7966).
 */
const MAX_CALL_MS = { sequencer: 2_000, replica: 5_000 } as const;

export interface RpcBackendParts {
  readonly chain: ChainFollower;
  readonly state: StateFollower;
  readonly recentHeaders: RecentHeaders;
  readonly receiptProofs: ReceiptProver;
  readonly transactions: RemotePool;
  readonly core: RemoteCore;
}

/** The core thread's services as they are called from here. */
export type RemoteCore = ReturnType<typeof remoteCore>;

export function remoteCore(invoke: InvokeService) {
  return remoteServices<CoreServices>(invoke, MAX_IN_FLIGHT);
}

/** Everything that JSON-RPC serves from in its thread: what can be read here is read here, the core thread is asked for the rest. */
export function createRpcBackend(options: RpcThreadOptions, parts: RpcBackendParts): RpcBackend {
  const { chain, state, recentHeaders, receiptProofs, transactions, core } = parts;
  const calls = new EthereumJsCallExecutor(
    { chainId: options.chainId, maxCallMs: MAX_CALL_MS[options.node.role] },
    { state: state.latest(), blockHash: (number) => recentHeaders.hashOf(number) },
  );
  return {
    get state() {
      return state.latest();
    },
    stateAt: (blockNumber) => state.stateAt(blockNumber),
    ...{ chain, calls, transactions, receiptProofs },
    stateProofs: options.provesState ? core.stateProofs : undefined,
    node: { ...options.node, ...nodeOf(core) },
    attestationPolicy: async () => {
      const excluded = await core.provers.excluded();
      return { ...options.policy, isExcluded: (prover) => excluded.some((each) => bytesEqual(each, prover)) };
    },
  };
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
