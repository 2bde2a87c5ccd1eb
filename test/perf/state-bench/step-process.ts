import { measureApply, prepareApply } from './apply.ts';
import { measureLog } from './log.ts';
import { measureMemory } from './memory.ts';
import type { StepName } from './parts.ts';
import { prepareChain, prepareState } from './prepare.ts';
import { measureRecovery } from './recovery.ts';
import { measureRoot, prepareRoot } from './root.ts';
import type { Step, StepContext, StepResult } from './step.ts';
import { measureHashNs } from './stopwatch.ts';
import { measureWire } from './wire.ts';

// Does one step, named by the first argument, and sends its figures to the process that started it.

const STEPS: Readonly<Record<StepName, Step>> = {
  wire: measureWire,
  prepareApply,
  apply: measureApply,
  prepareRoot,
  root: measureRoot,
  prepareState,
  memory: measureMemory,
  log: measureLog,
  prepareChain,
  recovery: measureRecovery,
};

const [name, context] = process.argv.slice(2) as [StepName, string];
const figures = await STEPS[name](JSON.parse(context) as StepContext);
process.send?.({ figures, hashNs: measureHashNs() } satisfies StepResult);
process.disconnect?.();
