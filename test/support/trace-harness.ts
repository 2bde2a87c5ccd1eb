import type { EthereumJsTracerOptions } from '../../src/execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import { EthereumJsTracer } from '../../src/execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import type { BlockEnvironment } from '../../src/protocol/block-header.ts';
import type { CallRequest, SignedTransaction } from '../../src/protocol/ports/execution.ts';
import type {
  CallTracerSpec,
  PrestateTracerSpec,
  StructLoggerSpec,
  TraceLimits,
  TracerSpec,
} from '../../src/protocol/ports/tracing.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { callRequest } from './call-requests.ts';
import { type Allocation, CHAIN_ID, createEngine, ENV, SENDER, stateWith, transactionWith } from './execution-harness.ts';

export const NO_LIMITS: TraceLimits = { maxMs: 60_000, maxCharacters: 100_000_000 };

export const STRUCT_LOGGER: StructLoggerSpec = {
  name: 'structLogger',
  enableMemory: false,
  disableStack: false,
  disableStorage: false,
  enableReturnData: false,
  limit: 0,
};
export const CALL_TRACER: CallTracerSpec = { name: 'callTracer', onlyTopCall: false, withLog: false };
export const PRESTATE_TRACER: PrestateTracerSpec = {
  name: 'prestateTracer',
  diffMode: false,
  disableCode: false,
  disableStorage: false,
  includeEmpty: false,
};

// biome-ignore lint/suspicious/noExplicitAny: tests look into traces of every shape
export type Trace = any;

/** A state on which transactions and calls are traced. */
export class TraceScene {
  readonly state: ReturnType<typeof stateWith>;
  readonly tracer: EthereumJsTracer;
  readonly env: BlockEnvironment = ENV;

  constructor(allocations: readonly Allocation[], options: Partial<EthereumJsTracerOptions> = {}) {
    this.state = stateWith(...allocations);
    const blockHash = (number: number) => new Uint8Array(32).fill(number);
    this.tracer = new EthereumJsTracer({ chainId: CHAIN_ID, ...options }, { blockHash });
  }

  /** The trace of one transaction by the sender, alone in its block. */
  async transaction(fields: Partial<Transaction>, spec: TracerSpec, limits = NO_LIMITS): Promise<Trace> {
    const [trace] = await this.block([{ transaction: transactionWith(fields), sender: SENDER }], spec, limits);
    return trace;
  }

  async block(transactions: readonly SignedTransaction[], spec: TracerSpec, limits = NO_LIMITS): Promise<Trace[]> {
    const block = { parentState: this.state, env: this.env, transactions };
    return (await this.tracer.traceBlock(block, spec, limits)).map((text) => JSON.parse(text));
  }

  async call(request: Partial<CallRequest>, spec: TracerSpec, limits = NO_LIMITS): Promise<Trace> {
    const position = { state: this.state, env: this.env };
    return JSON.parse(await this.tracer.traceCall({ request: callRequest(request), position, overrides: [] }, spec, limits));
  }

  /** What the sequencer's engine makes of the same transactions. */
  async receipts(transactions: readonly SignedTransaction[]): Promise<{ receipts: Receipt[]; gasUsed: bigint[] }> {
    const { engine } = createEngine(this.state);
    await engine.beginBlock(this.env);
    const outcomes = [];
    for (const signed of transactions) {
      const outcome = await engine.execute(signed);
      if (outcome.kind === 'rejected') throw new TypeError(outcome.message);
      outcomes.push(outcome);
    }
    return { receipts: outcomes.map(({ receipt }) => receipt), gasUsed: outcomes.map(({ gasUsed }) => gasUsed) };
  }
}
