import type { BlockHashReader } from '../../../protocol/ports/execution.ts';
import type { TracedBlock, TracedCall, TraceLimits, TracerSpec, TransactionTracer } from '../../../protocol/ports/tracing.ts';
import { DEFAULT_GAS_CAP } from '../call-executor.ts';
import { TraceRun } from './trace-run.ts';

export interface EthereumJsTracerOptions {
  readonly chainId: number;
  /** Most gas a traced call gets, whatever it asks for. */
  readonly gasCap?: bigint;
}

export interface EthereumJsTracerModules {
  readonly blockHash: BlockHashReader;
}

/**
 * Traces with machines of their own, made for each request: the ones that execute blocks and calls have no tracer to ask
 * about, and stay as fast as they are.
 */
export class EthereumJsTracer implements TransactionTracer {
  readonly #options: EthereumJsTracerOptions;
  readonly #blockHash: BlockHashReader;

  constructor(options: EthereumJsTracerOptions, { blockHash }: EthereumJsTracerModules) {
    this.#options = options;
    this.#blockHash = blockHash;
  }

  async traceBlock(block: TracedBlock, tracer: TracerSpec, limits: TraceLimits): Promise<readonly string[]> {
    return this.#run(block, limits).traceBlock(block, 0, tracer);
  }

  async traceTransaction(block: TracedBlock, index: number, tracer: TracerSpec, limits: TraceLimits): Promise<string> {
    const upTo = { ...block, transactions: block.transactions.slice(0, index + 1) };
    const [trace] = await this.#run(block, limits).traceBlock(upTo, index, tracer);
    return trace as string;
  }

  async traceCall(call: TracedCall, tracer: TracerSpec, limits: TraceLimits): Promise<string> {
    const { state: parentState, env } = call.position;
    return this.#run({ parentState, env }, limits).traceCall(call, tracer, this.#options.gasCap ?? DEFAULT_GAS_CAP);
  }

  #run({ parentState: state, env }: Pick<TracedBlock, 'parentState' | 'env'>, limits: TraceLimits): TraceRun {
    const { chainId } = this.#options;
    return new TraceRun({ chainId, limits }, { state, env, blockHash: this.#blockHash });
  }
}
