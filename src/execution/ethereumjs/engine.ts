import type { Block as VmBlock } from '@ethereumjs/block';
import { type RunTxResult, runTx, VM } from '@ethereumjs/vm';
import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { BlockHashReader, ExecutionEngine, ExecutionOutcome, SignedTransaction } from '../../protocol/ports/execution.ts';
import type { WorldState } from '../../protocol/ports/state.ts';
import { transactionGas } from '../../protocol/transaction-gas.ts';
import { errorMessage, isStrobeError, StrobeError } from '../../util/errors.ts';
import { createBlockContext } from './block-context.ts';
import { toExecutable } from './executable-transaction.ts';
import { createMachine, type Machine } from './machine.ts';
import { refuse } from './preflight.ts';
import { toLogs } from './result-conversion.ts';
import { writeSystemCalls } from './system-calls.ts';
import type { TraceFeed } from './tracing/trace-feed.ts';

export interface EthereumJsEngineOptions {
  readonly chainId: number;
  /** Wall-clock limit of one transaction, ms; undefined: none. Holds only when optimised. */
  readonly maxExecutionMs?: number;
  /** False: the library's own interpreter loop. */
  readonly optimised?: boolean;
}

export interface EthereumJsEngineModules {
  readonly state: WorldState;
  readonly blockHash: BlockHashReader;
  readonly feed?: TraceFeed;
}

interface OpenBlock {
  readonly env: BlockEnvironment;
  readonly context: VmBlock;
  gasUsed: bigint;
}

/** The reference engine: @ethereumjs/vm over a {@link WorldState}. One transaction at a time. */
export class EthereumJsEngine implements ExecutionEngine {
  readonly #options: EthereumJsEngineOptions;
  readonly #state: WorldState;
  readonly #machine: Machine;
  readonly #vm: VM;
  #block: OpenBlock | undefined;
  #executing = false;

  constructor(options: EthereumJsEngineOptions, modules: EthereumJsEngineModules) {
    this.#options = options;
    this.#state = modules.state;
    this.#machine = createMachine(options, modules);
    const { common, evm, manager, blockchain } = this.#machine;
    this.#vm = new VM({ common, evm, stateManager: manager, blockchain });
  }

  async beginBlock(env: BlockEnvironment, resumeGasUsed?: bigint): Promise<void> {
    this.#assertIdle();
    this.#block = { env, context: createBlockContext(env), gasUsed: resumeGasUsed ?? 0n };
    if (resumeGasUsed !== undefined) return;
    this.#state.beginTransaction();
    writeSystemCalls(this.#state, env);
  }

  /**
   * Besides the pool's codes a rejection carries EXECUTION_TIMEOUT (longer than `maxExecutionMs`) or EXECUTION_FAILED
   * (the library gave up); neither transaction can ever be included.
   * @param maxMs wall-clock limit of this one
   */
  async execute(signed: SignedTransaction, maxMs = this.#options.maxExecutionMs): Promise<ExecutionOutcome> {
    this.#assertIdle();
    const block = this.#block;
    if (block === undefined) throw new StrobeError('NO_OPEN_BLOCK', 'a transaction is executed in an open block');
    const gas = transactionGas(signed.transaction);
    const chainId = BigInt(this.#options.chainId);
    const position = { env: block.env, chainId, gasLeft: block.env.gasLimit - block.gasUsed };
    const refusal = refuse(signed, gas, position, this.#state);
    if (refusal !== undefined) return refusal;

    this.#executing = true;
    this.#state.beginTransaction();
    this.#machine.deadline.start(maxMs);
    try {
      const result = await runTx(this.#vm, {
        tx: toExecutable(signed, gas.intrinsic, this.#machine.common),
        block: block.context,
        blockGasUsed: block.gasUsed,
        skipHardForkValidation: true,
      });
      block.gasUsed += result.totalGasSpent;
      return toOutcome(signed, result, block.gasUsed);
    } catch (error) {
      this.#machine.reset();
      return toFailure(error);
    } finally {
      this.#executing = false;
    }
  }

  #assertIdle(): void {
    if (this.#executing) throw new StrobeError('ENGINE_BUSY', 'a transaction is being executed');
  }
}

function toOutcome(signed: SignedTransaction, result: RunTxResult, cumulativeGasUsed: bigint): ExecutionOutcome {
  const { exceptionError, logs } = result.execResult;
  return {
    kind: 'included',
    gasUsed: result.totalGasSpent,
    receipt: {
      type: signed.transaction.type,
      status: exceptionError === undefined ? 1 : 0,
      cumulativeGasUsed,
      logs: toLogs(logs),
    },
  };
}

function toFailure(error: unknown): ExecutionOutcome {
  const code = isStrobeError(error, 'EXECUTION_TIMEOUT') ? error.code : 'EXECUTION_FAILED';
  return { kind: 'rejected', code, message: errorMessage(error) };
}
