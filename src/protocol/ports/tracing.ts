import type { BlockEnvironment } from '../block-header.ts';
import type { AccountOverride, CallPosition, CallRequest, SignedTransaction } from './execution.ts';
import type { StateView } from './state.ts';

/** What looks on during an execution, with its configuration; the names are geth's. */
export type TracerSpec =
  | StructLoggerSpec
  | CallTracerSpec
  | PrestateTracerSpec
  | { readonly name: '4byteTracer' | 'noopTracer' }
  | { readonly name: 'muxTracer'; readonly tracers: readonly TracerSpec[] };

/** Every opcode with stack, memory and storage. */
export interface StructLoggerSpec {
  readonly name: 'structLogger';
  readonly enableMemory: boolean;
  readonly disableStack: boolean;
  readonly disableStorage: boolean;
  readonly enableReturnData: boolean;
  /** Most steps kept; 0: all. */
  readonly limit: number;
}

export interface CallTracerSpec {
  readonly name: 'callTracer';
  readonly onlyTopCall: boolean;
  readonly withLog: boolean;
}

export interface PrestateTracerSpec {
  readonly name: 'prestateTracer';
  readonly diffMode: boolean;
  readonly disableCode: boolean;
  readonly disableStorage: boolean;
  readonly includeEmpty: boolean;
}

/** A block whose transactions are executed again. */
export interface TracedBlock {
  /** State at the end of the block's parent. */
  readonly parentState: StateView;
  readonly env: BlockEnvironment;
  /** In the block's order, as far as they are needed. */
  readonly transactions: readonly SignedTransaction[];
}

export interface TraceLimits {
  /** Wall-clock limit of the whole request, ms. */
  readonly maxMs: number;
  /** Longest answer, in characters. */
  readonly maxCharacters: number;
}

/** State and block that a call is traced in. */
export interface TracedCall {
  readonly request: CallRequest;
  readonly position: CallPosition;
  readonly overrides: readonly AccountOverride[];
  /** Transactions of the block that run first, without a tracer, on the position's state, which is that of its parent. */
  readonly before?: TracedBlock;
}

/**
 * Executes transactions again while a tracer looks on; nothing of it reaches the state. Answers are JSON texts.
 *
 * Every method throws StrobeError TRACE_TIMEOUT, TRACE_TOO_LARGE, and TRACE_FAILED for what cannot be executed; reads of
 * a state that is not kept any more throw STATE_FORGOTTEN.
 */
export interface TransactionTracer {
  /** The trace of each transaction of the block, in order. */
  traceBlock(block: TracedBlock, tracer: TracerSpec, limits: TraceLimits): Promise<readonly string[]>;
  /** The trace of transaction `index` of the block. */
  traceTransaction(block: TracedBlock, index: number, tracer: TracerSpec, limits: TraceLimits): Promise<string>;
  /**
   * The trace of a call. It reaches the state before it waits for anything but microtasks.
   * @throws StrobeError besides, what {@link CallExecutor.call} does
   */
  traceCall(call: TracedCall, tracer: TracerSpec, limits: TraceLimits): Promise<string>;
}
