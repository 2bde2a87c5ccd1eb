import type { Common } from '@ethereumjs/common';
import { EVMError } from '@ethereumjs/evm';
import { GAS_PER_WORK } from '../execution-deadline.ts';
import { gethWording } from '../geth-errors.ts';
import type { GasHandler, OpcodeEntry, RunState } from '../interpreter-types.ts';
import { SYNCHRONOUS_GAS } from '../synchronous-gas.ts';
import { createOperations, type LoopModules, type Operation } from '../synchronous-loop.ts';
import type { FrameEvents } from './frame-events.ts';
import { stackProblem } from './opcode-table.ts';
import type { TraceFeed } from './trace-feed.ts';
import type { TracedRunState } from './traced-run-state.ts';

const STOP = 0x00;
const CALLDATACOPY = 0x37;
const RETURNDATACOPY = 0x3e;
const SSTORE = 0x55;
const LOG0 = 0xa0;
const LOG4 = 0xa4;
const SELFDESTRUCT = 0xff;
const CALLS: readonly number[] = [0xf1, 0xf2, 0xf4, 0xfa];
const CREATIONS: readonly number[] = [0xf0, 0xf5];
/** EIP-2200 */
const SSTORE_SENTRY_GAS = 2_300n;

/** Work between two looks at the clock, in opcodes: a step that is written out takes some microseconds. */
const WORK_PER_CLOCK_CHECK = 256;

export interface TracingLoopModules extends LoopModules {
  readonly feed: TraceFeed;
  readonly frames: FrameEvents;
}

/**
 * The {@link SynchronousLoop} with an eye on every opcode. It checks the stack and prices each opcode before it runs, as
 * geth does, so that steps carry the cost, and errors geth's wording. Prices and effects are those of the other loop.
 */
export class TracingLoop {
  readonly #modules: TracingLoopModules;
  /** By opcode; undefined for the asynchronous ones. */
  readonly #operations: readonly (Operation | undefined)[];
  #workToClockCheck = WORK_PER_CLOCK_CHECK;

  constructor(table: readonly OpcodeEntry[], modules: TracingLoopModules) {
    this.#modules = modules;
    this.#operations = createOperations(table, modules);
  }

  /** The opcode table for the library, which runs the first opcode of each frame and the asynchronous ones. */
  createTable(table: readonly OpcodeEntry[]): OpcodeEntry[] {
    return table.map((entry, opcode) => {
      // The library asks the gas handler where the price is dynamic; here it always is, so that nothing runs unseen.
      const opcodeInfo = { ...entry.opcodeInfo, dynamicGas: true, isInvalid: false };
      const operation = this.#operations[opcode];
      return operation === undefined
        ? { opcodeInfo, ...this.#asynchronous(entry, opcode) }
        : { opcodeInfo, ...this.#synchronous(operation, opcode) };
    });
  }

  #synchronous(operation: Operation, opcode: number): Pick<OpcodeEntry, 'gasHandler' | 'opHandler'> {
    return {
      gasHandler: (runState: TracedRunState) => {
        this.#modules.deadline.check();
        return this.#price(runState, opcode, operation);
      },
      opHandler: (runState, common) => {
        operation.run(runState, common);
        this.#continue(runState as TracedRunState);
      },
    };
  }

  #asynchronous(entry: OpcodeEntry, opcode: number): Pick<OpcodeEntry, 'gasHandler' | 'opHandler'> {
    return {
      gasHandler: (runState: TracedRunState, fee: bigint, common: Common) => {
        this.#modules.deadline.check();
        return this.#priceOfLibrary(runState, opcode, entry, { fee, common });
      },
      opHandler: async (runState, common) => {
        await this.#runOfLibrary(entry, opcode, runState as TracedRunState, common);
        this.#continue(runState as TracedRunState);
      },
    };
  }

  async #runOfLibrary(entry: OpcodeEntry, opcode: number, runState: TracedRunState, common: Common): Promise<void> {
    const { frames } = this.#modules;
    const opensFrame = CALLS.includes(opcode) || CREATIONS.includes(opcode);
    if (opensFrame) frames.announce(runState, opcode);
    if (opcode === SELFDESTRUCT) frames.selfDestruct(runState);
    await entry.opHandler(runState, common);
    if (opensFrame) frames.settle(runState);
  }

  #continue(runState: TracedRunState): void {
    const { common, jumps, deadline } = this.#modules;
    const { code } = runState;
    if (runState.shouldDoJumpAnalysis) jumps.adopt(runState);
    while (runState.programCounter < code.length) {
      const opcode = code[runState.programCounter] as number;
      const operation = this.#operations[opcode];
      if (operation === undefined) return;
      runState.opCode = opcode;
      const cost = this.#price(runState, opcode, operation);
      runState.gasLeft -= cost;
      this.#workToClockCheck -= 1 + Number(cost) / GAS_PER_WORK;
      if (this.#workToClockCheck <= 0) {
        this.#workToClockCheck = WORK_PER_CLOCK_CHECK;
        deadline.check();
      }
      runState.programCounter++;
      operation.run(runState, common);
      if (opcode >= LOG0 && opcode <= LOG4) this.#tellLog(runState);
    }
    // Behind the end of the code there are zeros.
    this.#tell(runState, STOP, { cost: 0n, memoryWords: Number(runState.memoryWordCount) });
  }

  /** Checks and prices an opcode of the loop, and tells of it. */
  #price(runState: TracedRunState, opcode: number, { fee, gas }: Operation): bigint {
    const memoryWords = Number(runState.memoryWordCount);
    this.#assertStack(runState, opcode, fee);
    let cost: bigint;
    try {
      cost = priceOf(runState, opcode, fee, gas);
    } catch (error) {
      throw this.#fault(runState, opcode, error, { cost: fee, memoryWords });
    }
    if (cost > runState.gasLeft) {
      this.#tell(runState, opcode, { cost, memoryWords, error: EVMError.errorMessages.OUT_OF_GAS });
      runState.gasLeft = 0n;
      throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
    }
    this.#tell(runState, opcode, { cost, memoryWords });
    if (opcode === RETURNDATACOPY) assertReturnData(runState);
    return cost;
  }

  /** As {@link TracingLoop.#price}, for an opcode whose price the library computes. */
  async #priceOfLibrary(
    runState: TracedRunState,
    opcode: number,
    { opcodeInfo, gasHandler }: OpcodeEntry,
    { fee, common }: { readonly fee: bigint; readonly common: Common },
  ): Promise<bigint> {
    const memoryWords = Number(runState.memoryWordCount);
    this.#assertStack(runState, opcode, fee);
    let cost = fee;
    try {
      if (opcodeInfo.dynamicGas) cost = await (gasHandler as LibraryGasHandler)(runState, fee, common);
    } catch (error) {
      throw this.#fault(runState, opcode, error, { cost: fee, memoryWords });
    }
    const isAffordable = cost <= runState.gasLeft;
    this.#tell(runState, opcode, {
      cost: CALLS.includes(opcode) ? cost + (runState.messageGasLimit ?? 0n) : cost,
      memoryWords,
      // The library refuses it a moment later.
      ...(isAffordable ? {} : { error: EVMError.errorMessages.OUT_OF_GAS }),
    });
    return cost;
  }

  #assertStack(runState: TracedRunState, opcode: number, fee: bigint): void {
    const error = stackProblem(opcode, runState.stack.length);
    if (error === undefined) return;
    this.#tell(runState, opcode, { cost: fee, memoryWords: Number(runState.memoryWordCount), error });
    throw gethError(error);
  }

  /** Tells of an opcode that has no price, and gives the error that ends the frame. */
  #fault(runState: TracedRunState, opcode: number, error: unknown, step: StepParts): unknown {
    if (!(error instanceof EVMError)) return error;
    const isSentry = opcode === SSTORE && !runState.env.isStatic && runState.gasLeft <= SSTORE_SENTRY_GAS;
    const wording = isSentry ? 'out of gas: not enough gas for reentrancy sentry' : gethWording(error.error, opcode);
    this.#tell(runState, opcode, { ...step, error: wording });
    return isSentry ? gethError(wording) : error;
  }

  #tell(runState: TracedRunState, opcode: number, step: StepParts): void {
    const { tracer } = this.#modules.feed;
    if (tracer.onStep === undefined) return;
    const { cost, memoryWords, error } = step;
    tracer.onStep({ runState, opcode, gas: runState.gasLeft, cost, memoryWords, error });
  }

  #tellLog({ interpreter }: TracedRunState): void {
    const { tracer } = this.#modules.feed;
    if (tracer.onLog === undefined) return;
    const [address, topics, data] = interpreter._result.logs.at(-1) as (typeof interpreter._result.logs)[number];
    tracer.onLog({ address, topics, data });
  }
}

interface StepParts {
  readonly cost: bigint;
  readonly memoryWords: number;
  readonly error?: string;
}

type LibraryGasHandler = (runState: RunState, fee: bigint, common: Common) => Promise<bigint>;

function priceOf(runState: TracedRunState, opcode: number, fee: bigint, gas: GasHandler | undefined): bigint {
  if (gas === undefined) return fee;
  // The same, but it does not take data that was not returned for a lack of gas.
  const handler = opcode === RETURNDATACOPY ? (SYNCHRONOUS_GAS.get(CALLDATACOPY) as GasHandler) : gas;
  return handler(runState, fee);
}

function assertReturnData({ stack, interpreter }: TracedRunState): void {
  const [, source, length] = stack.peek(3) as [bigint, bigint, bigint];
  if (source + length > interpreter.getReturnDataSize()) throw gethError('return data out of bounds');
}

/** An error that consumes the frame's gas, with a text that the library does not have. */
function gethError(wording: string): EVMError {
  return new EVMError(wording as EVMError['error']);
}
