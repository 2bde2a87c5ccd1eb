import type { Hardfork } from '@ethereumjs/common';
import { EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import { EthereumJsTracer } from '../../../src/execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import type { Block, ChainReader, NodeStatus, RpcBackend } from '../../../src/protocol/ports/chain.ts';
import type { CallExecutor, CallPosition } from '../../../src/protocol/ports/execution.ts';
import type { StateNodes } from '../../../src/protocol/ports/simulation.ts';
import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import { bytesEqual } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';
import { logPageOf, logsIn, receiptProver } from '../fake-chain-parts.ts';
import { fakeResources } from '../fake-resources.ts';
import type { ImportedChain } from './import-chain.ts';
import { importedSimulator } from './imported-simulator.ts';

/** What differs between nodes; `state` has the chain's diffs applied, one number for each block. */
export interface NodeParts extends Pick<RpcBackend, 'stateProofs' | 'transactions' | 'pool'> {
  readonly state: CommittedState;
  readonly stateNodes: StateNodes;
}

/** Serves an imported chain. */
export function importedBackend(chain: ImportedChain, { stateNodes, ...parts }: NodeParts): RpcBackend {
  const { state } = parts;
  return {
    ...parts,
    stateAt: (blockNumber) => state.at(blockNumber),
    stateHistory: { oldestState: () => 0 },
    chain: importedReader(chain),
    calls: importedCalls(chain, state),
    simulator: importedSimulator(chain, state, stateNodes),
    tracer: new EthereumJsTracer({ chainId: chain.chainId }, { blockHash: (number) => chain.blocks[number]?.hash }),
    witnesses: { read: async () => undefined },
    resources: fakeResources(undefined),
    forks: chain.forks,
    // It has no mini-blocks.
    stateChanges: { of: async () => undefined },
    receiptProofs: receiptProver(),
    node: NODE,
    attestationPolicy: async () => ({ threshold: 1, proverCount: 1, isExcluded: () => false }),
  };
}

const NODE: NodeStatus = {
  role: 'sequencer',
  version: '0.1.0',
  describe: async () => ({}),
  syncing: async () => undefined,
  peerCount: async () => 0,
  peers: async () => [],
  equivocations: async () => [],
};

/** Head, safe and finalized are the same block, as in the fixtures' forkchoice. */
function importedReader({ chainId, blocks }: ImportedChain): ChainReader {
  const head = defined(blocks.at(-1));
  const transactions = blocks.flatMap((block) => block.transactions);
  const blockWith = (isMeant: (block: Block) => boolean): Block | undefined => blocks.find(isMeant);
  return {
    chainId,
    genesisHash: defined(blocks[0]).hash,
    head: () => head,
    safeNumber: () => head.header.number,
    finalizedNumber: () => head.header.number,
    miniBlockNumber: () => head.lastMiniBlock,
    openBlock: () => undefined,
    latestEnvironment: () => head.header,
    oldestBlock: async () => 1,
    blockByNumber: async (number) => blocks[number],
    sealOf: async () => undefined,
    blockByHash: async (hash) => blockWith((block) => bytesEqual(block.hash, hash)),
    transactionByHash: async (hash) => transactions.find(({ transaction }) => bytesEqual(transaction.hash, hash)),
    logs: async (filter) => logsIn(transactions, filter, 1),
    logPage: async (filter, firstLogIndex) => logPageOf(logsIn(transactions, filter, 1), filter.fromBlock, firstLogIndex),
    miniBlock: async () => undefined,
    blockStatus: async () => undefined,
    attestations: async () => [],
    blockDiff: async () => undefined,
    subscribe: () => () => {},
  };
}

/** The node's own executor, one for each fork of the chain. */
function importedCalls({ chainId, blocks, hardforkAt }: ImportedChain, state: CommittedState): CallExecutor {
  const executors = new Map<Hardfork, CallExecutor>();
  const executorAt = ({ env }: CallPosition): CallExecutor => {
    const hardfork = hardforkAt(env);
    const modules = { state, blockHash: (number: number) => blocks[number]?.hash };
    const executor = executors.get(hardfork) ?? new EthereumJsCallExecutor({ chainId, hardfork }, modules);
    executors.set(hardfork, executor);
    return executor;
  };
  return {
    call: (request, position, overrides) => executorAt(position).call(request, position, overrides),
    estimateGas: (request, position, overrides) => executorAt(position).estimateGas(request, position, overrides),
    createAccessList: (request, position, overrides) => executorAt(position).createAccessList(request, position, overrides),
  };
}
