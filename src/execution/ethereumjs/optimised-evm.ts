import type { EVM, EVMOpts } from '@ethereumjs/evm';
import { BoundedEvm } from './bounded-evm.ts';
import type { ExecutionDeadline } from './execution-deadline.ts';
import type { OpcodeEntry } from './interpreter-types.ts';
import type { JumpCache } from './jump-cache.ts';
import type { LogTracer } from './log-tracer.ts';
import { SynchronousLoop } from './synchronous-loop.ts';
import type { WorldStateManager } from './world-state-manager.ts';

/** Opcodes at which the library's loop analyses the code by itself: JUMP, JUMPI, MCOPY. */
const ANALYSED_BY_LIBRARY: readonly number[] = [0x56, 0x57, 0x5e];
const INVALID_CODE = Uint8Array.of(0xfe);

type RunInterpreter = EVM['runInterpreter'];

export interface OptimisedEvmModules {
  readonly manager: WorldStateManager;
  readonly jumps: JumpCache;
  readonly deadline: ExecutionDeadline;
  readonly logs?: LogTracer | undefined;
}

/**
 * The library's EVM with a synchronous opcode loop, a linear MODEXP and a wall-clock limit that holds in all of them.
 * Emits no `step` events.
 */
export class OptimisedEvm extends BoundedEvm {
  constructor(options: EVMOpts, modules: OptimisedEvmModules) {
    super(options, modules.deadline);
    const ownTable = this._opcodeMap as unknown as OpcodeEntry[];
    const table = modules.logs?.listen(this, ownTable) ?? ownTable;
    const loop = new SynchronousLoop(table, { ...modules, common: this.common });
    this._opcodeMap = loop.createTable(table) as unknown as EVM['_opcodeMap'];
  }

  protected override runInterpreter(...[message, options]: Parameters<RunInterpreter>): ReturnType<RunInterpreter> {
    // The first opcode of a frame is the library's. These three underflow the empty stack and consume all gas, as an
    // invalid opcode does, but only after an analysis of the whole code that no cache would spare the next call.
    const starts = ANALYSED_BY_LIBRARY.includes((message.code as Uint8Array)[0] as number);
    return super.runInterpreter(starts ? Object.assign(message, { code: INVALID_CODE }) : message, options);
  }
}
