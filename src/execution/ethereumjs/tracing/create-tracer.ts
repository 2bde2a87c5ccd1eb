import type { TracerSpec } from '../../../protocol/ports/tracing.ts';
import { CallTracer } from './call-tracer.ts';
import { FourByteTracer } from './four-byte-tracer.ts';
import { MuxTracer } from './mux-tracer.ts';
import type { OutputBudget } from './output-budget.ts';
import { PrestateTracer } from './prestate-tracer.ts';
import { StructLogger } from './struct-logger.ts';
import type { Tracer } from './tracer.ts';

/** A tracer for one execution. */
export function createTracer(spec: TracerSpec, budget: OutputBudget): Tracer {
  switch (spec.name) {
    case 'structLogger':
      return new StructLogger(spec, budget);
    case 'callTracer':
      return new CallTracer(spec, budget);
    case 'prestateTracer':
      return new PrestateTracer(spec, budget);
    case '4byteTracer':
      return new FourByteTracer(budget);
    case 'muxTracer':
      return new MuxTracer(new Map(spec.tracers.map((each) => [each.name, createTracer(each, budget)])));
    case 'noopTracer':
      return { result: () => '{}' };
  }
}
