import { EthereumJsSimulator } from '../../../src/execution/ethereumjs/simulator.ts';
import type { Simulator, StateNodes } from '../../../src/protocol/ports/simulation.ts';
import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import { EMPTY_STATE_DIFF } from '../../../src/protocol/state-diff.ts';
import { defined } from '../defined.ts';
import type { ImportedChain } from './import-chain.ts';

/** Seconds between the blocks of mainnet, which the cases go by. */
const BLOCK_SECONDS = 12;

/** The node's own simulator with the newest fork of the chain. */
export function importedSimulator(chain: ImportedChain, state: CommittedState, stateNodes: StateNodes): Simulator {
  const { chainId, blocks, hardforkAt } = chain;
  return new EthereumJsSimulator(
    { chainId, blockSeconds: BLOCK_SECONDS, baseFeeFloorWei: 0n, hardfork: hardforkAt(defined(blocks.at(-1)).header) },
    {
      state,
      newestState: async () => ({ state: defined(state.at(state.number)), changes: EMPTY_STATE_DIFF }),
      blockHash: (number) => blocks[number]?.hash,
      stateNodes,
    },
  );
}
