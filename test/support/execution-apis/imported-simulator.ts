import { EthereumJsSimulator } from '../../../src/execution/ethereumjs/simulator.ts';
import type { SimulationService, StateNodes } from '../../../src/protocol/ports/simulation.ts';
import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import { EMPTY_STATE_DIFF } from '../../../src/protocol/state-diff.ts';
import { simulationJson } from '../../../src/rpc/format-simulation.ts';
import { defined } from '../defined.ts';
import type { ImportedChain } from './import-chain.ts';

/** Seconds between the blocks of mainnet, which the cases go by. */
const BLOCK_SECONDS = 12;

/** The node's own simulator with the newest fork of the chain. */
export function importedSimulator(chain: ImportedChain, state: CommittedState, stateNodes: StateNodes): SimulationService {
  const { chainId, blocks, hardforkAt } = chain;
  const simulator = new EthereumJsSimulator(
    { chainId, blockSeconds: BLOCK_SECONDS, baseFeeFloorWei: 0n, hardfork: hardforkAt(defined(blocks.at(-1)).header) },
    { blockHash: (number) => blocks[number]?.hash, stateNodes },
  );
  return {
    newestState: async () => ({ state: defined(state.at(state.number)), changes: EMPTY_STATE_DIFF }),
    simulate: async (request, base, full) => simulationJson(await simulator.simulate(request, base), full),
  };
}
