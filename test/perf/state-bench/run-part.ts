import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { StrobeError } from '../../../src/util/errors.ts';
import type { BenchOptions } from './bench-options.ts';
import { PARTS, type PartName, type StepName } from './parts.ts';
import type { Figure, StepContext, StepResult } from './step.ts';

/** The largest generator, 1M holders with two tokens each, takes a third of it. */
const HEAP_MEGABYTES = 12_000;

export interface PartResult {
  readonly part: PartName;
  readonly figures: readonly Figure[];
  /** How fast the machine was, see {@link StepResult}; of the last step. */
  readonly hashNs: number;
  /** Of the machine in the minute before the part ended: what else ran shows here. */
  readonly loadAverage: number;
  readonly seconds: number;
}

/** @throws StrobeError BENCH_FAILED when a step does; it has said why */
export async function runPart(part: PartName, options: BenchOptions): Promise<PartResult> {
  const startMs = performance.now();
  const directory = await mkdtemp(join(options.directory, 'strobe-bench-'));
  try {
    const figures: Figure[] = [];
    let hashNs = 0;
    for (const step of PARTS[part]) {
      const result = await runStep(step, { sizes: options.sizes, directory });
      figures.push(...result.figures);
      hashNs = result.hashNs;
    }
    return { part, figures, hashNs, loadAverage: loadavg()[0] as number, seconds: (performance.now() - startMs) / 1_000 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runStep(step: StepName, context: StepContext): Promise<StepResult> {
  const child = fork(join(import.meta.dirname, 'step-process.ts'), [step, JSON.stringify(context)], {
    execArgv: ['--expose-gc', `--max-old-space-size=${HEAP_MEGABYTES}`],
    // What it says belongs to the progress: on stdout is the table alone.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const sent: { result?: StepResult } = {};
  child.once('message', (message) => {
    sent.result = message as StepResult;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0 && sent.result !== undefined) return sent.result;
  throw new StrobeError('BENCH_FAILED', `the step ${step} ended with code ${code}`);
}
