import type { Log } from '../../../protocol/receipt.ts';
import type { FrameEnd, FrameStart, Step, Tracer, TraceStart } from './tracer.ts';

/** geth's muxTracer: several tracers on one execution, their results by name. */
export class MuxTracer implements Tracer {
  readonly #tracers: ReadonlyMap<string, Tracer>;
  readonly onStep?: (step: Step) => void;
  readonly onLog?: (log: Log) => void;

  constructor(tracers: ReadonlyMap<string, Tracer>) {
    this.#tracers = tracers;
    const all = [...tracers.values()];
    // A machine that nobody asks for steps or logs does not make them.
    const steppers = all.filter(({ onStep }) => onStep !== undefined);
    const loggers = all.filter(({ onLog }) => onLog !== undefined);
    if (steppers.length > 0) {
      this.onStep = (step) => {
        for (const tracer of steppers) tracer.onStep?.(step);
      };
    }
    if (loggers.length > 0) {
      this.onLog = (log) => {
        for (const tracer of loggers) tracer.onLog?.(log);
      };
    }
  }

  onStart(start: TraceStart): void {
    for (const tracer of this.#tracers.values()) tracer.onStart?.(start);
  }

  onEnter(frame: FrameStart): void {
    for (const tracer of this.#tracers.values()) tracer.onEnter?.(frame);
  }

  onExit(end: FrameEnd): void {
    for (const tracer of this.#tracers.values()) tracer.onExit?.(end);
  }

  onEnd(gasUsed: bigint): void {
    for (const tracer of this.#tracers.values()) tracer.onEnd?.(gasUsed);
  }

  result(): string {
    return `{${[...this.#tracers].map(([name, tracer]) => `${JSON.stringify(name)}:${tracer.result()}`).join(',')}}`;
  }
}
