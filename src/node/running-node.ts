import type { Logger } from '../observability/logger.ts';

/** What a role gets from the process that hosts it. */
export interface NodeContext {
  logger: Logger;
  /** Aborts when the process is asked to stop; a role that is still starting gives up. */
  signal: AbortSignal;
}

/** A role that has started and serves. */
export interface RunningNode {
  /** Resolves after a clean stop; rejects when one of the node's loops dies. */
  run(): Promise<void>;
  /** Stops user-facing work first, then what it stands on; resolves when everything is closed. */
  stop(): Promise<void>;
}

/** The composition root of one role. */
export type StartNode<Settings> = (settings: Settings, context: NodeContext) => Promise<RunningNode>;
