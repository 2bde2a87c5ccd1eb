import type { EVM, EVMOpts } from '@ethereumjs/evm';
import { BoundedEvm } from '../bounded-evm.ts';
import type { ExecutionDeadline } from '../execution-deadline.ts';
import type { OpcodeEntry } from '../interpreter-types.ts';
import type { JumpCache } from '../jump-cache.ts';
import type { WorldStateManager } from '../world-state-manager.ts';
import { FrameEvents } from './frame-events.ts';
import type { TraceFeed } from './trace-feed.ts';
import { TracingLoop } from './tracing-loop.ts';

export interface TracingEvmModules {
  readonly manager: WorldStateManager;
  readonly jumps: JumpCache;
  readonly deadline: ExecutionDeadline;
  readonly feed: TraceFeed;
}

/** An EVM that tells a tracer of frames, opcodes and logs; what it computes is what {@link OptimisedEvm} does. */
export class TracingEvm extends BoundedEvm {
  readonly #frames: FrameEvents;

  constructor(options: EVMOpts, modules: TracingEvmModules) {
    super(options, modules.deadline);
    this.#frames = new FrameEvents(this, modules);
    const table = this._opcodeMap as unknown as OpcodeEntry[];
    const loop = new TracingLoop(table, { ...modules, common: this.common, frames: this.#frames });
    this._opcodeMap = loop.createTable(table) as unknown as EVM['_opcodeMap'];
  }

  protected override async runInterpreter(
    ...[message, options]: Parameters<EVM['runInterpreter']>
  ): ReturnType<EVM['runInterpreter']> {
    const result = await super.runInterpreter(message, options);
    this.#frames.noteInterpreted(result);
    return result;
  }
}
