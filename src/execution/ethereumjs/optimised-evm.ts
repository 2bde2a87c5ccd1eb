import { EVM, type EVMOpts } from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { fromKey } from '../../util/bytes.ts';
import type { ExecutionDeadline } from './execution-deadline.ts';
import type { OpcodeEntry } from './interpreter-types.ts';
import type { JumpCache } from './jump-cache.ts';
import type { LogTracer } from './log-tracer.ts';
import { createModexp } from './modexp.ts';
import { estimatePrecompileMs, SLOW_PRECOMPILES } from './precompile-cost.ts';
import { SynchronousLoop } from './synchronous-loop.ts';
import type { WorldStateManager } from './world-state-manager.ts';

/** Opcodes at which the library's loop analyses the code by itself: JUMP, JUMPI, MCOPY. */
const ANALYSED_BY_LIBRARY: readonly number[] = [0x56, 0x57, 0x5e];
/** Address of the MODEXP precompile. */
const MODEXP = new Address(fromKey('05'.padStart(40, '0')));
const INVALID_CODE = Uint8Array.of(0xfe);

type RunInterpreter = EVM['runInterpreter'];
type RunPrecompile = EVM['runPrecompile'];

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
export class OptimisedEvm extends EVM {
  readonly #deadline: ExecutionDeadline;
  /** Names of the slow precompiles by their function, which is all the library passes on. */
  readonly #slowPrecompiles = new Map<unknown, string>();

  constructor(options: EVMOpts, modules: OptimisedEvmModules) {
    super({ ...options, customPrecompiles: [{ address: MODEXP, function: createModexp(modules.deadline) }] });
    this.#deadline = modules.deadline;
    for (const name of SLOW_PRECOMPILES) this.#slowPrecompiles.set(this.precompiles.get(name.padStart(40, '0')), name);
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

  protected override runPrecompile(...[code, data, gas]: Parameters<RunPrecompile>): ReturnType<RunPrecompile> {
    // A precompile cannot be stopped once it runs, so one that would overrun is not begun.
    const name = this.#slowPrecompiles.get(code);
    this.#deadline.check(name === undefined ? 0 : estimatePrecompileMs(name, data, gas));
    return super.runPrecompile(code, data, gas);
  }
}
