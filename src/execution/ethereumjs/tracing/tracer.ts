import type { StateReader } from '../../../protocol/ports/state.ts';
import type { Address } from '../../../protocol/primitives.ts';
import type { Log } from '../../../protocol/receipt.ts';
import type { Authorization } from '../../../protocol/transaction.ts';
import type { Bytes } from '../../../util/bytes.ts';
import type { TracedRunState } from './traced-run-state.ts';

export type FrameType = 'CALL' | 'CALLCODE' | 'DELEGATECALL' | 'STATICCALL' | 'CREATE' | 'CREATE2' | 'SELFDESTRUCT';

/** A transaction or call that is about to run; nothing of it is in the state yet. */
export interface TraceStart {
  readonly from: Address;
  /** Undefined: contract creation. */
  readonly to: Address | undefined;
  readonly gasLimit: bigint;
  readonly authorizationList: readonly Authorization[];
  readonly coinbase: Address;
  /** As it is whenever it is read: also during the execution and at its end. */
  readonly state: StateReader;
  /** Refund counter with which the execution begins (EIP-7702); to be asked now. */
  readonly refund: () => bigint;
  /** Index in the block of the first log. */
  readonly firstLogIndex: number;
}

/** A call frame as it begins. */
export interface FrameStart {
  readonly type: FrameType;
  /** 0: the transaction's own. */
  readonly depth: number;
  readonly from: Address;
  /** Whose code runs; of creations the new contract. */
  readonly to: Address;
  readonly isPrecompile: boolean;
  /** A view of memory that changes: to be read at once. */
  readonly input: Bytes;
  readonly gas: bigint;
  /** Undefined: the frame has none (STATICCALL). */
  readonly value: bigint | undefined;
}

export interface FrameEnd {
  readonly depth: number;
  /** Of creations the code. */
  readonly output: Bytes;
  readonly gasUsed: bigint;
  /** In geth's wording; undefined: it succeeded. */
  readonly error: string | undefined;
  /** The error is a REVERT: the output is its data. */
  readonly isRevert: boolean;
}

/** An opcode with its price, before it runs and before its memory grows. */
export interface Step {
  readonly runState: TracedRunState;
  readonly opcode: number;
  /** Left before the opcode is paid. */
  readonly gas: bigint;
  /** With the gas passed on to a called frame. */
  readonly cost: bigint;
  /** Words of memory before the opcode. */
  readonly memoryWords: number;
  /** Why it will not run, in geth's wording. */
  readonly error: string | undefined;
}

/**
 * Looks on while one transaction or call is executed, and tells what it saw. The events are those of geth's
 * `core/tracing/hooks.go`. A tracer throws to end the execution (see {@link OutputBudget}).
 */
export interface Tracer {
  onStart?(start: TraceStart): void;
  onEnter?(frame: FrameStart): void;
  onExit?(frame: FrameEnd): void;
  onStep?(step: Step): void;
  onLog?(log: Log): void;
  /** Everything is settled: fees, refunds, destroyed accounts. */
  onEnd?(gasUsed: bigint): void;
  /** JSON text. */
  result(): string;
}
