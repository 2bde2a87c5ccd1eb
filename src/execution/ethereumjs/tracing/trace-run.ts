import type { BlockEnvironment } from '../../../protocol/block-header.ts';
import type { BlockHashReader, SignedTransaction } from '../../../protocol/ports/execution.ts';
import type { StateView, WorldState } from '../../../protocol/ports/state.ts';
import type { TracedBlock, TracedCall, TraceLimits, TracerSpec } from '../../../protocol/ports/tracing.ts';
import { OverlayState } from '../../../state/overlay-state.ts';
import { errorMessage, isStrobeError, StrobeError } from '../../../util/errors.ts';
import { authorizationRefund } from '../authorizations.ts';
import { EthereumJsEngine } from '../engine.ts';
import { createMachine } from '../machine.ts';
import { environmentOf, toMessage } from '../message.ts';
import { runMessage } from '../message-call.ts';
import { finishTransaction } from '../simulated-call.ts';
import { applyOverrides, overriddenState } from '../state-override.ts';
import { storedBlockHash } from '../stored-block-hash.ts';
import { createTracer } from './create-tracer.ts';
import { OutputBudget } from './output-budget.ts';
import type { TraceFeed } from './trace-feed.ts';
import type { Tracer, TraceStart } from './tracer.ts';

const SILENT: Tracer = { result: () => '' };

export interface TraceRunOptions {
  readonly chainId: number;
  readonly limits: TraceLimits;
}

export interface TraceRunModules {
  readonly state: StateView;
  /** The block that is executed. */
  readonly env: BlockEnvironment;
  readonly blockHash: BlockHashReader;
}

/** One request: an overlay on a state, machines that stand on it, and what they may still cost. */
export class TraceRun {
  readonly #options: TraceRunOptions;
  /** Of recent blocks; of older ones the state has them itself. */
  readonly #blockHash: BlockHashReader;
  readonly #state: StateView;
  #world: WorldState;
  readonly #budget: OutputBudget;
  readonly #endsAtMs: number;
  readonly #feed: TraceFeed = { tracer: SILENT };
  #nextLogIndex = 0;

  constructor(options: TraceRunOptions, { state, env, blockHash }: TraceRunModules) {
    this.#options = options;
    this.#state = state;
    this.#world = new OverlayState(state);
    this.#blockHash = (number) => blockHash(number) ?? storedBlockHash(this.#world, env, number);
    this.#budget = new OutputBudget(options.limits.maxCharacters);
    this.#endsAtMs = performance.now() + options.limits.maxMs;
  }

  /** Executes the transactions of a block and traces those from `first` on. */
  async traceBlock(block: TracedBlock, first: number, spec: TracerSpec): Promise<string[]> {
    const gasUsed = await this.#executeFirst(block, first);
    const engine = this.#engine(this.#feed);
    await engine.beginBlock(block.env, gasUsed);
    const traces: string[] = [];
    for (const signed of block.transactions.slice(first)) {
      traces.push(await this.#traceTransaction(engine, block, signed, spec));
    }
    return traces;
  }

  /**
   * Begins the block and executes its first transactions without a tracer.
   * @returns their gas
   */
  async #executeFirst({ env, transactions }: TracedBlock, count: number): Promise<bigint> {
    const engine = this.#engine();
    await engine.beginBlock(env);
    let gasUsed = 0n;
    for (const signed of transactions.slice(0, count)) {
      gasUsed += await this.#execute(engine, signed);
    }
    return gasUsed;
  }

  async traceCall({ request, position, overrides, before }: TracedCall, spec: TracerSpec, gasCap: bigint): Promise<string> {
    if (before === undefined) {
      this.#world = overriddenState(this.#state, overrides);
    } else {
      await this.#executeFirst(before, before.transactions.length);
      applyOverrides(this.#world, overrides);
    }
    const { chainId } = this.#options;
    const machine = createMachine({ chainId }, { state: this.#world, blockHash: this.#blockHash, feed: this.#feed });
    machine.deadline.start(this.#msLeft());
    const gas = request.gas ?? gasCap;
    const message = toMessage(request, gas > gasCap ? gasCap : gas);
    const env = environmentOf(position.env, message);
    const tracer = this.#begin(spec, { ...message, coinbase: position.env.coinbase });
    try {
      machine.precompiles.override(overrides);
      const result = await runMessage(machine, env, message);
      await finishTransaction(machine, env, message, result);
      tracer.onEnd?.(result.gasUsed);
    } catch (error) {
      throw this.#failure(error);
    }
    return tracer.result();
  }

  async #traceTransaction(
    engine: EthereumJsEngine,
    { env }: TracedBlock,
    signed: SignedTransaction,
    spec: TracerSpec,
  ): Promise<string> {
    const { transaction, sender } = signed;
    const tracer = this.#begin(spec, { ...transaction, from: sender, coinbase: env.coinbase });
    const gasUsed = await this.#execute(engine, signed);
    tracer.onEnd?.(gasUsed);
    return tracer.result();
  }

  #begin(spec: TracerSpec, start: Pick<TraceStart, 'from' | 'to' | 'gasLimit' | 'authorizationList' | 'coinbase'>): Tracer {
    const tracer = createTracer(spec, this.#budget);
    const { from, to, gasLimit, authorizationList, coinbase } = start;
    const chainId = BigInt(this.#options.chainId);
    const tuples = { sender: from, chainId, authorizations: authorizationList };
    tracer.onStart?.({
      ...{ from, to, gasLimit, authorizationList, coinbase, state: this.#world, firstLogIndex: this.#nextLogIndex },
      refund: () => authorizationRefund(this.#world, tuples, () => this.#msLeft()),
    });
    this.#feed.tracer = tracer;
    return tracer;
  }

  async #execute(engine: EthereumJsEngine, signed: SignedTransaction): Promise<bigint> {
    const outcome = await engine.execute(signed, this.#msLeft());
    if (outcome.kind === 'rejected') {
      // A state that was forgotten meanwhile says so itself; the engine only says that it could not go on.
      this.#state.getAccount(signed.sender);
      throw this.#failure(new StrobeError(outcome.code, outcome.message));
    }
    this.#nextLogIndex += outcome.receipt.logs.length;
    return outcome.gasUsed;
  }

  /** A tracer that had enough, or a run that took too long, shows as a failed execution. */
  #failure(error: unknown): unknown {
    this.#budget.assertHolds(0);
    if (isStrobeError(error, 'EXECUTION_TIMEOUT')) return timedOut();
    if (isStrobeError(error, 'STATE_FORGOTTEN')) return error;
    return new StrobeError('TRACE_FAILED', `tracing failed: ${errorMessage(error)}`, {}, { cause: error });
  }

  #engine(feed?: TraceFeed): EthereumJsEngine {
    const { chainId } = this.#options;
    const modules = { state: this.#world, blockHash: this.#blockHash };
    return new EthereumJsEngine({ chainId }, feed === undefined ? modules : { ...modules, feed });
  }

  #msLeft(): number {
    const left = this.#endsAtMs - performance.now();
    if (left <= 0) throw timedOut();
    return left;
  }
}

function timedOut(): StrobeError<'TRACE_TIMEOUT'> {
  return new StrobeError('TRACE_TIMEOUT', 'execution timeout');
}
