import type { CallTracerSpec } from '../../../protocol/ports/tracing.ts';
import type { Log } from '../../../protocol/receipt.ts';
import { type Hex, toHex } from '../../../util/bytes.ts';
import { quantity } from '../../../util/quantity.ts';
import { revertReason } from '../revert-reason.ts';
import type { OutputBudget } from './output-budget.ts';
import type { FrameEnd, FrameStart, Tracer, TraceStart } from './tracer.ts';

/** A call with those it made, in geth's fields (eth/tracers/native/call.go). */
interface CallFrame {
  readonly from: Hex;
  readonly gas: Hex;
  gasUsed: Hex;
  to?: Hex | undefined;
  readonly input: Hex;
  output?: Hex;
  error?: string;
  revertReason?: string;
  readonly calls?: CallFrame[] | undefined;
  logs?: CallLog[] | undefined;
  readonly value?: Hex | undefined;
  readonly type: string;
}

interface CallLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  /** In the block. */
  readonly index: Hex;
  /** Calls that the frame had made before. */
  readonly position: Hex;
}

/** A frame under way, with what a failure of it undoes. */
interface OpenFrame {
  readonly frame: CallFrame;
  readonly calls: CallFrame[];
  readonly logs: CallLog[];
}

/** Names and fixed fields of a frame, and of a log, in characters. */
const FRAME_CHARACTERS = 320;
const LOG_CHARACTERS = 160;
const TOPIC_CHARACTERS = 69;

/** geth's callTracer: the tree of calls. */
export class CallTracer implements Tracer {
  readonly #spec: CallTracerSpec;
  readonly #budget: OutputBudget;
  readonly #open: OpenFrame[] = [];
  /** Index of the next log when each frame began, of all depths: a failure goes back to it. */
  readonly #logIndexes: number[] = [];
  #gasLimit = 0n;
  #nextLogIndex = 0;
  #top: CallFrame | undefined;
  readonly onLog?: (log: Log) => void;

  constructor(spec: CallTracerSpec, budget: OutputBudget) {
    this.#spec = spec;
    this.#budget = budget;
    if (spec.withLog) this.onLog = (log) => this.#addLog(log);
  }

  onStart({ gasLimit, firstLogIndex }: TraceStart): void {
    this.#gasLimit = gasLimit;
    this.#nextLogIndex = firstLogIndex;
  }

  onEnter({ depth, type, from, to, input, gas, value }: FrameStart): void {
    this.#logIndexes.push(this.#nextLogIndex);
    if (this.#spec.onlyTopCall && depth > 0) return;
    this.#budget.spend(FRAME_CHARACTERS + 2 * input.length);
    const calls: CallFrame[] = [];
    const logs: CallLog[] = [];
    const frame: CallFrame = {
      from: toHex(from),
      gas: quantity(depth === 0 ? this.#gasLimit : gas),
      gasUsed: '0x0',
      to: toHex(to),
      input: toHex(input),
      ...(value === undefined ? {} : { value: quantity(value) }),
      type,
    };
    this.#open.push({ frame, calls, logs });
  }

  onExit(end: FrameEnd): void {
    const firstLogIndex = this.#logIndexes.pop() as number;
    if (end.error !== undefined) this.#nextLogIndex = firstLogIndex;
    if (this.#spec.onlyTopCall && end.depth > 0) return;
    const { frame, calls, logs } = this.#open.pop() as OpenFrame;
    const closed = this.#close({ ...frame, ...(calls.length > 0 && { calls }), ...(logs.length > 0 && { logs }) }, end);
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#top = closed;
    else parent.calls.push(closed);
  }

  onEnd(gasUsed: bigint): void {
    if (this.#top === undefined) return;
    this.#top.gasUsed = quantity(gasUsed);
    dropFailedLogs(this.#top, false);
  }

  result(): string {
    return JSON.stringify(this.#top ?? null);
  }

  #close(frame: CallFrame, { output, gasUsed, error, isRevert }: FrameEnd): CallFrame {
    frame.gasUsed = quantity(gasUsed);
    if (error !== undefined) {
      frame.error = error;
      if (frame.type === 'CREATE' || frame.type === 'CREATE2') delete frame.to;
    }
    if (output.length === 0 || (error !== undefined && !isRevert)) return frame;
    this.#budget.spend(2 * output.length);
    frame.output = toHex(output);
    const reason = isRevert ? revertReason(output) : undefined;
    if (reason !== undefined) frame.revertReason = reason;
    return frame;
  }

  #addLog({ address, topics, data }: Log): void {
    const index = this.#nextLogIndex++;
    if (this.#spec.onlyTopCall && this.#logIndexes.length > 1) return;
    const { logs, calls } = this.#open.at(-1) as OpenFrame;
    this.#budget.spend(LOG_CHARACTERS + TOPIC_CHARACTERS * topics.length + 2 * data.length);
    logs.push({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
      index: quantity(index),
      position: quantity(calls.length),
    });
  }
}

/** What a failed call logged, itself and in the calls it made, was never emitted. */
function dropFailedLogs(frame: CallFrame, parentFailed: boolean): void {
  const failed = parentFailed || frame.error !== undefined;
  if (failed) delete frame.logs;
  for (const call of frame.calls ?? []) dropFailedLogs(call, failed);
}
