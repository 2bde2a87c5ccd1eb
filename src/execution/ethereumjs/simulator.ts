import type { Hardfork } from '@ethereumjs/common';
import { viewHeader } from '../../protocol/header-view.ts';
import type { BlockHashReader } from '../../protocol/ports/execution.ts';
import type {
  SimulatedBlock,
  SimulationBase,
  SimulationBlock,
  SimulationRequest,
  Simulator,
  StateNodes,
} from '../../protocol/ports/simulation.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { OverlayState } from '../../state/overlay-state.ts';
import { DEFAULT_GAS_CAP, DEFAULT_MAX_CALL_MS } from './call-executor.ts';
import { runLimited } from './limited-run.ts';
import { LogTracer } from './log-tracer.ts';
import { createMachine, type Machine } from './machine.ts';
import { closeBlock, type ExecutedBlock, type OpenedBlock, openBlock, type ParentBlock } from './simulated-block.ts';
import { SimulatedRoots } from './simulated-roots.ts';
import { SimulationBlockRun } from './simulation-block-run.ts';
import { type PlannedBlock, planBlocks } from './simulation-plan.ts';
import { storedBlockHash } from './stored-block-hash.ts';

export interface SimulatorOptions {
  readonly chainId: number;
  /** Between simulated blocks that do not say when they are. */
  readonly blockSeconds: number;
  /** What the base fee never falls below. */
  readonly baseFeeFloorWei: bigint;
  /** Most gas that all calls of a simulation get together. */
  readonly gasCap?: bigint;
  /** Wall-clock limit of executing a whole simulation, ms. */
  readonly maxCallMs?: number;
  /** For chains of other clients; default: Prague. */
  readonly hardfork?: Hardfork;
}

export interface SimulatorModules {
  /** Hashes of the chain's own blocks. */
  readonly blockHash: BlockHashReader;
  /** Undefined: this node keeps no state trie, and simulated blocks have no state root. */
  readonly stateNodes: StateNodes | undefined;
}

/** What one simulation works with: machines of their own, so that simulations at the same time do not meet. */
interface SimulationTools {
  readonly machine: Machine;
  readonly tracer: LogTracer;
}

/**
 * eth_simulateV1 with @ethereumjs/evm, after geth's internal/ethapi/simulate.go. Each block keeps its thread until it is
 * executed, as a call does.
 */
export class EthereumJsSimulator implements Simulator {
  readonly #options: SimulatorOptions & Required<Pick<SimulatorOptions, 'gasCap' | 'maxCallMs'>>;
  readonly #modules: SimulatorModules;

  constructor(options: SimulatorOptions, modules: SimulatorModules) {
    this.#options = { gasCap: DEFAULT_GAS_CAP, maxCallMs: DEFAULT_MAX_CALL_MS, ...options };
    this.#modules = modules;
  }

  async simulate(request: SimulationRequest, base: SimulationBase): Promise<readonly SimulatedBlock[]> {
    return this.#run(planBlocks(request.blocks, base, this.#options.blockSeconds), request, base);
  }

  async #run(plan: readonly PlannedBlock[], request: SimulationRequest, base: SimulationBase): Promise<SimulatedBlock[]> {
    const world = new OverlayState(base.state);
    const hashes = new Map<number, Hash>([[base.header.number, base.hash]]);
    // A simulated block that is not there yet, and one of the chain that the simulation is an alternative to, have no hash.
    const ancestorHash: BlockHashReader = (number) =>
      this.#modules.blockHash(number) ?? storedBlockHash(base.state, base.header, number);
    const blockHash: BlockHashReader = (number) =>
      hashes.get(number) ?? (number < base.header.number ? ancestorHash(number) : undefined);
    const tracer = new LogTracer();
    const modules = { tracer, machine: createMachine(this.#options, { state: world, blockHash, logs: tracer }) };
    const roots = await SimulatedRoots.open(base, this.#modules.stateNodes);
    const budget = { gas: this.#options.gasCap, ms: this.#options.maxCallMs };
    const blocks: SimulatedBlock[] = [];
    let parent: ParentBlock = { header: viewHeader(base.header), hash: base.hash };
    for (const planned of plan) {
      const opened = openBlock(planned, parent, { ...request, ...this.#options });
      const executed = await this.#execute({ block: planned.block, opened, ...modules }, request, budget);
      const block = closeBlock(opened, executed, await roots.after(world.takeDiff()));
      hashes.set(block.header.number, block.hash);
      blocks.push(block);
      parent = block;
    }
    return blocks;
  }

  /** Takes what it uses from the budget. */
  async #execute(
    { block, opened, machine, tracer }: SimulationTools & { readonly block: SimulationBlock; readonly opened: OpenedBlock },
    { validation, traceTransfers }: SimulationRequest,
    budget: { gas: bigint; ms: number },
  ): Promise<ExecutedBlock> {
    const startedMs = performance.now();
    const { chainId, maxCallMs } = this.#options;
    const run = new SimulationBlockRun({ chainId, validation, budgetGas: budget.gas }, { machine, tracer, opened });
    tracer.beginBlock(traceTransfers);
    return runLimited(machine, { limitMs: maxCallMs, budgetMs: budget.ms }, async () => {
      run.begin(block.stateOverrides);
      for (const call of block.calls) await run.call(call);
      const executed = run.end();
      budget.gas -= executed.gasUsed;
      budget.ms -= performance.now() - startedMs;
      return executed;
    });
  }
}
