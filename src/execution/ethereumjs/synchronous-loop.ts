import type { Common } from '@ethereumjs/common';
import { type ExecutionDeadline, GAS_PER_WORK } from './execution-deadline.ts';
import { type GasHandler, halt, type OpcodeEntry, type OperationHandler, type RunState } from './interpreter-types.ts';
import type { JumpCache } from './jump-cache.ts';
import { SYNCHRONOUS_GAS } from './synchronous-gas.ts';
import { MEMORY_OPERATIONS } from './synchronous-memory.ts';
import { createStorageOperations } from './synchronous-storage.ts';
import type { WorldStateManager } from './world-state-manager.ts';

const SLOAD = 0x54;
const SSTORE = 0x55;
const JUMP = 0x56;
const JUMPI = 0x57;

/** Opcodes that call into other frames or read accounts: the library's handlers for them are really asynchronous. */
export const ASYNCHRONOUS_OPCODES: ReadonlySet<number> = new Set([
  0x31, 0x3b, 0x3c, 0x3f, 0x40, 0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa, 0xff,
]);

/** Work between two looks at the clock, in opcodes of fixed price: about 0.1 ms, and no measurable cost. */
const WORK_PER_CLOCK_CHECK = 1024;

export interface Operation {
  readonly fee: bigint;
  /** Undefined: the fee is all. */
  readonly gas: GasHandler | undefined;
  readonly run: OperationHandler;
}

export interface LoopModules {
  readonly common: Common;
  readonly manager: WorldStateManager;
  readonly jumps: JumpCache;
  readonly deadline: ExecutionDeadline;
}

/**
 * Runs stretches of opcodes in one synchronous loop. The library's own loop makes several promises per opcode; an
 * ERC-20 transfer takes half the time without them.
 *
 * The library looks up the handler of each step in its EVM's opcode table. In the table made here every handler, after
 * its own work, goes on through the following opcodes until the frame ends or an asynchronous opcode comes, which is
 * left to the library. So the library sees the first opcode of a frame and the asynchronous ones, errors leave through
 * it as always, and nothing of it is patched: other EVMs in the process are not touched. What is lost is the `step`
 * event: tracing has a loop of its own (tracing/tracing-loop.ts).
 */
export class SynchronousLoop {
  readonly #modules: LoopModules;
  /** By opcode; undefined for the asynchronous ones. */
  readonly #operations: readonly (Operation | undefined)[];
  #workToClockCheck = WORK_PER_CLOCK_CHECK;

  constructor(table: readonly OpcodeEntry[], modules: LoopModules) {
    this.#modules = modules;
    this.#operations = createOperations(table, modules);
  }

  /** The opcode table for the library. */
  createTable(table: readonly OpcodeEntry[]): OpcodeEntry[] {
    return table.map((entry, opcode) => {
      const run = this.#operations[opcode]?.run;
      return { ...entry, opHandler: run === undefined ? this.#afterAsync(entry) : this.#afterSync(run) };
    });
  }

  #afterSync(run: OperationHandler): OperationHandler {
    return (runState, common) => {
      run(runState, common);
      this.#continue(runState);
    };
  }

  #afterAsync({ opHandler }: OpcodeEntry): OperationHandler {
    return async (runState, common) => {
      await opHandler(runState, common);
      this.#continue(runState);
    };
  }

  #continue(runState: RunState): void {
    const { common, jumps } = this.#modules;
    const { code } = runState;
    if (runState.shouldDoJumpAnalysis) jumps.adopt(runState);
    while (runState.programCounter < code.length) {
      const opcode = code[runState.programCounter] as number;
      const operation = this.#operations[opcode];
      if (operation === undefined) return;
      runState.opCode = opcode;
      const gas = operation.gas === undefined ? operation.fee : operation.gas(runState, operation.fee);
      if (gas > runState.gasLeft) {
        runState.gasLeft = 0n;
        halt('OUT_OF_GAS');
      }
      runState.gasLeft -= gas;
      this.#workToClockCheck -= operation.gas === undefined ? 1 : 1 + Number(gas) / GAS_PER_WORK;
      if (this.#workToClockCheck <= 0) this.#checkClock();
      runState.programCounter++;
      operation.run(runState, common);
    }
  }

  #checkClock(): void {
    this.#workToClockCheck = WORK_PER_CLOCK_CHECK;
    this.#modules.deadline.check();
  }
}

/** What the loop runs by itself, by opcode; undefined for the asynchronous ones. */
export function createOperations(
  table: readonly OpcodeEntry[],
  { manager, jumps }: Pick<LoopModules, 'manager' | 'jumps'>,
): (Operation | undefined)[] {
  const storage = createStorageOperations(manager);
  return table.map(({ opcodeInfo, opHandler }, opcode): Operation | undefined => {
    const fee = opcodeInfo.feeBigInt;
    if (ASYNCHRONOUS_OPCODES.has(opcode)) return undefined;
    if (opcodeInfo.isInvalid) return { fee: 0n, gas: undefined, run: () => halt('INVALID_OPCODE') };
    if (opcode === SLOAD) return { fee, gas: storage.loadGas, run: storage.load };
    if (opcode === SSTORE) return { fee, gas: storage.storeGas, run: storage.store };
    if (opcode === JUMP || opcode === JUMPI) return { fee, gas: undefined, run: withJumps(opHandler, jumps) };
    const gas = SYNCHRONOUS_GAS.get(opcode);
    // An opcode whose gas is computed by the library only stays asynchronous.
    if (opcodeInfo.dynamicGas && gas === undefined) return undefined;
    return { fee, gas, run: MEMORY_OPERATIONS.get(opcode) ?? opHandler };
  });
}

/** Jump destinations are looked for when the first jump comes: many codes never jump. */
function withJumps(jump: OperationHandler, jumps: JumpCache): OperationHandler {
  return (runState, common) => {
    if (runState.shouldDoJumpAnalysis) jumps.analyse(runState);
    jump(runState, common);
  };
}
