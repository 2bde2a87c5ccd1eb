import type { AccountOverride } from '../../protocol/ports/execution.ts';
import type { SimulatedCall, SimulationCall } from '../../protocol/ports/simulation.ts';
import type { Log } from '../../protocol/receipt.ts';
import type { SimulatedTransaction } from '../../protocol/simulated-transaction.ts';
import { StrobeError } from '../../util/errors.ts';
import type { LogTracer } from './log-tracer.ts';
import type { Machine } from './machine.ts';
import { toMessage } from './message.ts';
import { blobGasOf } from './message-checks.ts';
import type { ExecutedBlock, OpenedBlock } from './simulated-block.ts';
import { credit, runTransaction, toTransaction } from './simulated-call.ts';
import { applyOverrides } from './state-override.ts';
import { writeSystemCalls } from './system-calls.ts';

const WEI_PER_GWEI = 10n ** 9n;

export interface BlockRunOptions {
  readonly chainId: number;
  readonly validation: boolean;
  /** Gas that is left of the simulation's. */
  readonly budgetGas: bigint;
}

export interface BlockRunModules {
  /** On the state that the block begins with. */
  readonly machine: Machine;
  /** Listens to that machine. */
  readonly tracer: LogTracer;
  readonly opened: OpenedBlock;
}

/** Executes one simulated block, call by call. */
export class SimulationBlockRun {
  readonly #options: BlockRunOptions;
  readonly #modules: BlockRunModules;
  readonly #transactions: SimulatedTransaction[] = [];
  readonly #calls: SimulatedCall[] = [];
  readonly #logs: (readonly Log[])[] = [];
  #gasUsed = 0n;
  #blobGasUsed = 0n;

  constructor(options: BlockRunOptions, modules: BlockRunModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** @throws StrobeError INVALID_STATE_OVERRIDE, PRECOMPILE_MOVED_TO_ITSELF */
  begin(overrides: readonly AccountOverride[]): void {
    const { machine, opened } = this.#modules;
    const { world } = machine.manager;
    machine.precompiles.override(overrides);
    world.beginTransaction();
    applyOverrides(world, overrides);
    writeSystemCalls(world, opened.env, opened.parentBeaconRoot);
  }

  /** @throws StrobeError with a code of ports/simulation.ts, EXECUTION_TIMEOUT */
  async call(call: SimulationCall): Promise<void> {
    const { machine, tracer, opened } = this.#modules;
    const { chainId, validation } = this.#options;
    machine.deadline.check();
    const message = toMessage(call, this.#gasLimitOf(call));
    const nonce = call.nonce ?? machine.manager.world.getAccount(call.from)?.nonce ?? 0n;
    const transaction = toTransaction(call, message, chainId, nonce);
    tracer.beginTransaction();
    const outcome = await runTransaction(machine, message, { env: opened.env, nonce, validation });
    this.#gasUsed += outcome.call.gasUsed;
    this.#blobGasUsed += blobGasOf(message);
    this.#transactions.push(transaction);
    this.#logs.push(outcome.logs);
    this.#calls.push({ ...outcome.call, logs: tracer.takeLogs() });
  }

  /** Pays the withdrawals. */
  end(): ExecutedBlock {
    const { machine, opened } = this.#modules;
    for (const { address, amountGwei } of opened.withdrawals) credit(machine, address, amountGwei * WEI_PER_GWEI);
    return {
      transactions: this.#transactions,
      calls: this.#calls,
      logs: this.#logs,
      gasUsed: this.#gasUsed,
      blobGasUsed: this.#blobGasUsed,
    };
  }

  /** What the call asks for, else what is left of the block; never more than is left of the simulation's gas. */
  #gasLimitOf({ gas }: SimulationCall): bigint {
    const blockGasLeft = this.#modules.opened.env.gasLimit - this.#gasUsed;
    const asked = gas ?? blockGasLeft;
    if (asked > blockGasLeft) {
      const message = `block gas limit reached: remaining: ${blockGasLeft}, required: ${asked}`;
      throw new StrobeError('SIMULATED_BLOCK_GAS_LIMIT', message);
    }
    const left = this.#options.budgetGas - this.#gasUsed;
    if (left === 0n) throw new StrobeError('SIMULATION_LIMIT_EXCEEDED', 'RPC gas cap exhausted');
    return asked < left ? asked : left;
  }
}
