import { EthereumJsSimulator, type SimulatorOptions } from '../../src/execution/ethereumjs/simulator.ts';
import { type BlockHeader, hashHeader } from '../../src/protocol/block-header.ts';
import type {
  SimulatedBlock,
  SimulationBase,
  SimulationBlock,
  SimulationCall,
  SimulationRequest,
  StateNodes,
} from '../../src/protocol/ports/simulation.ts';
import { EMPTY_TRIE_ROOT } from '../../src/protocol/primitives.ts';
import { BLOOM_BYTES } from '../../src/protocol/receipt.ts';
import { createStateDiff, EMPTY_STATE_DIFF, encodeStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import { ProofTrie } from '../../src/state/proof-trie.ts';
import { callRequest } from './call-requests.ts';
import { type Allocation, CHAIN_ID, ENV, stateWith } from './execution-harness.ts';
import type { MapState } from './map-state.ts';

export const BLOCK_SECONDS = 2;

/** A call of the contract by the sender that leaves open what can be left open. */
export function simulationCall(fields: Partial<SimulationCall> = {}): SimulationCall {
  return { ...callRequest(), nonce: undefined, hasGasPrice: false, ...fields };
}

function simulationBlock(fields: Partial<SimulationBlock> = {}): SimulationBlock {
  return { blockOverrides: {}, stateOverrides: [], calls: [], ...fields };
}

/** A state with its trie, and a sealed block over it. */
export interface SimulationScene {
  readonly state: MapState;
  readonly trie: ProofTrie;
  readonly base: SimulationBase;
  readonly simulator: EthereumJsSimulator;
  simulate(
    blocks: readonly Partial<SimulationBlock>[],
    options?: Partial<Omit<SimulationRequest, 'blocks'>>,
    base?: Partial<SimulationBase>,
  ): Promise<readonly SimulatedBlock[]>;
}

export interface SceneOptions extends Partial<SimulatorOptions> {
  readonly allocations?: readonly Allocation[];
  readonly stateNodes?: StateNodes | undefined;
}

export function simulationScene({ allocations = [], ...options }: SceneOptions = {}): SimulationScene {
  const state = stateWith(...allocations);
  const trie = new ProofTrie({ blocks: 4 });
  trie.apply(encodeStateDiff(diffOf(state)));
  const header: BlockHeader = {
    ...ENV,
    stateRoot: trie.endBlock(),
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(BLOOM_BYTES),
    gasUsed: 0n,
    extraData: new Uint8Array(0),
  };
  const base: SimulationBase = { header, hash: hashHeader(header), state, changes: EMPTY_STATE_DIFF, nextTimestamp: undefined };
  const ownNodes: StateNodes = { nodes: async (stateRoot, changes) => trie.history.nodes({ stateRoot, changes }) };
  const simulator = new EthereumJsSimulator(
    { chainId: CHAIN_ID, blockSeconds: BLOCK_SECONDS, baseFeeFloorWei: 0n, ...options },
    {
      blockHash: (number) => new Uint8Array(32).fill(number),
      stateNodes: 'stateNodes' in options ? options.stateNodes : ownNodes,
    },
  );
  return {
    ...{ state, trie, base, simulator },
    simulate: (blocks, request = {}, at = {}) =>
      simulator.simulate(
        { blocks: blocks.map(simulationBlock), validation: false, traceTransfers: false, ...request },
        { ...base, ...at },
      ),
  };
}

/** The whole of a state as one diff. */
function diffOf(state: MapState): StateDiff {
  const codes: Uint8Array[] = [];
  const accounts = [...state.entries()].map(({ address, account, slots }) => {
    const code = state.getCode(account.codeHash);
    if (code !== undefined) codes.push(code);
    const { nonce, balance, codeHash } = account;
    const listed = [...slots];
    return { address, nonce, balance, ...(code && { codeHash }), ...(listed.length > 0 && { slots: listed }) };
  });
  return createStateDiff(accounts, codes);
}
