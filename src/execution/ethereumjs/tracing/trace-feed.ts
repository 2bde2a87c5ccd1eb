import type { Tracer } from './tracer.ts';

/** Whom a machine tells what it does; it can be exchanged between executions. */
export interface TraceFeed {
  tracer: Tracer;
}
