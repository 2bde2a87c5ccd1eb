import type { Common, Hardfork } from '@ethereumjs/common';
import { EVM, type EVMOpts, NobleBN254 } from '@ethereumjs/evm';
import type { BlockHashReader } from '../../protocol/ports/execution.ts';
import type { WorldState } from '../../protocol/ports/state.ts';
import { BlockHashSource } from './block-context.ts';
import { createChainCommon } from './chain-config.ts';
import { ExecutionDeadline } from './execution-deadline.ts';
import { JumpCache } from './jump-cache.ts';
import type { LogTracer } from './log-tracer.ts';
import { OptimisedEvm, type OptimisedEvmModules } from './optimised-evm.ts';
import { PrecompileSet } from './precompile-set.ts';
import type { TraceFeed } from './tracing/trace-feed.ts';
import { TracingEvm } from './tracing/tracing-evm.ts';
import { WorldStateManager } from './world-state-manager.ts';

/** An EVM on a world state, with what its users must reach. */
export interface Machine {
  readonly common: Common;
  readonly evm: EVM;
  readonly manager: WorldStateManager;
  readonly blockchain: BlockHashSource;
  readonly deadline: ExecutionDeadline;
  readonly precompiles: PrecompileSet;
  /** Cleans up after an execution that was aborted in the middle: its writes and warm sets are dropped. */
  reset(): void;
}

export interface MachineOptions {
  readonly chainId: number;
  /** Default: Prague. */
  readonly hardfork?: Hardfork;
  /** False: the library's own interpreter loop, without wall-clock limit. */
  readonly optimised?: boolean;
}

export interface MachineModules {
  readonly state: WorldState;
  readonly blockHash: BlockHashReader;
  /** Whom the machine tells what it does; one that has nobody to tell is several times as fast. */
  readonly feed?: TraceFeed;
  /** Listens to what the EVM does; optimised ones only. */
  readonly logs?: LogTracer;
}

export function createMachine(options: MachineOptions, modules: MachineModules): Machine {
  const common = createChainCommon(options.chainId, options.hardfork);
  const manager = new WorldStateManager(modules.state);
  const blockchain = new BlockHashSource(modules.blockHash);
  const deadline = new ExecutionDeadline();
  const evmOptions: EVMOpts = { common, stateManager: manager, blockchain, bn254: new NobleBN254() };
  const { feed, logs } = modules;
  const evm = createEvm(options, evmOptions, { manager, deadline, jumps: new JumpCache(), logs, feed });
  return {
    common,
    evm,
    manager,
    blockchain,
    deadline,
    precompiles: new PrecompileSet(evm),
    reset: () => {
      manager.revertAll();
      evm.journal.cleanJournal();
      evm.transientStorage.clear();
      // Clearing forgets the values but not the checkpoints that were open.
      evm.transientStorage['_indices'] = [0];
    },
  };
}

function createEvm(
  { optimised }: MachineOptions,
  evmOptions: EVMOpts,
  { feed, ...modules }: OptimisedEvmModules & { readonly feed: TraceFeed | undefined },
): EVM {
  if (feed !== undefined) return new TracingEvm(evmOptions, { ...modules, feed });
  return optimised === false ? new EVM(evmOptions) : new OptimisedEvm(evmOptions, modules);
}
