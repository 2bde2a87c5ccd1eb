import type { BenchSizes } from './bench-options.ts';

/** One line of the table. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `keys/s`, `ms`, …; large values are shown in thousands or millions of it. */
  readonly unit: string;
  /** What the design set out for, in words. */
  readonly target?: string;
  readonly note?: string;
}

/** What a step sends to the process that started it. */
export interface StepResult {
  readonly figures: readonly Figure[];
  /** ns of a hash of 64 bytes right behind the step, the median of some: how fast the machine was. */
  readonly hashNs: number;
}

export interface StepContext {
  readonly sizes: BenchSizes;
  /** Shared by the steps of a part, empty at first, gone behind the part. */
  readonly directory: string;
}

/** Measures, or prepares what a later step measures. Says how far it is on stderr. */
export type Step = (context: StepContext) => readonly Figure[] | Promise<readonly Figure[]>;

export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
