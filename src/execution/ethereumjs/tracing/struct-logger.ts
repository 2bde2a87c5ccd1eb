import type { StateReader } from '../../../protocol/ports/state.ts';
import type { StructLoggerSpec } from '../../../protocol/ports/tracing.ts';
import type { Address } from '../../../protocol/primitives.ts';
import { type Bytes, bigIntToBytes32, EMPTY_BYTES, toHex, toKey } from '../../../util/bytes.ts';
import { opcodeFacts } from './opcode-table.ts';
import type { OutputBudget } from './output-budget.ts';
import { readMemory, stackItem, type TracedRunState } from './traced-run-state.ts';
import type { FrameEnd, Step, Tracer, TraceStart } from './tracer.ts';

const SLOAD = 0x54;
const SSTORE = 0x55;
const WORD_BYTES = 32;
/** `"0x…":"0x…",` of a slot, and `"0x…",` of a word of memory. */
const SLOT_CHARACTERS = 138;
const WORD_CHARACTERS = 69;

/** Slots by key, both words in hex with prefix. */
type Slots = Map<string, string>;

/**
 * geth's default logger (eth/tracers/logger): one entry an opcode. Entries are text at once: as objects they would take
 * ten times the memory.
 */
export class StructLogger implements Tracer {
  readonly #spec: StructLoggerSpec;
  readonly #budget: OutputBudget;
  readonly #steps: string[] = [];
  /** What was read and written so far, by contract. */
  readonly #storage = new Map<string, Slots>();
  #state: StateReader | undefined;
  #startingRefund = 0n;
  #gasUsed = 0n;
  #end: FrameEnd | undefined;

  constructor(spec: StructLoggerSpec, budget: OutputBudget) {
    this.#spec = spec;
    this.#budget = budget;
  }

  onStart({ state, refund }: TraceStart): void {
    this.#state = state;
    this.#startingRefund = refund();
  }

  onStep(step: Step): void {
    const { limit } = this.#spec;
    if (limit !== 0 && this.#steps.length >= limit) return;
    const entry = this.#format(step);
    this.#budget.spend(entry.length + 1);
    this.#steps.push(entry);
  }

  onExit(end: FrameEnd): void {
    if (end.depth === 0) this.#end = end;
  }

  onEnd(gasUsed: bigint): void {
    this.#gasUsed = gasUsed;
  }

  result(): string {
    const { output = EMPTY_BYTES, error, isRevert = false } = this.#end ?? {};
    const failed = error !== undefined;
    const returned = failed && !isRevert ? EMPTY_BYTES : output;
    this.#budget.spend(2 * returned.length);
    const head = `{"gas":${this.#gasUsed},"failed":${failed},"returnValue":"${toHex(returned)}","structLogs":[`;
    return `${head}${this.#steps.join(',')}]}`;
  }

  #format({ runState, opcode, gas, cost, memoryWords, error }: Step): string {
    const { enableMemory, disableStack, disableStorage, enableReturnData } = this.#spec;
    const { programCounter, env, gasRefund, returnBytes } = runState;
    const name = opcodeFacts(opcode).name;
    let text = `{"pc":${programCounter},"op":"${name}","gas":${gas},"gasCost":${cost},"depth":${env.depth + 1}`;
    if (error !== undefined) text += `,"error":${JSON.stringify(error)}`;
    if (!disableStack) text += `,"stack":${formatStack(runState)}`;
    if (enableReturnData && returnBytes.length > 0) text += `,"returnData":"${this.#hex(returnBytes)}"`;
    if (enableMemory && memoryWords > 0) text += `,"memory":[${this.#formatMemory(runState, memoryWords)}]`;
    if (!disableStorage && readsSlot(runState, opcode)) {
      text += `,"storage":{${this.#formatStorage(runState, opcode)}}`;
    }
    const refund = gasRefund + this.#startingRefund;
    return refund === 0n ? `${text}}` : `${text},"refund":${refund}}`;
  }

  /** Large pieces are refused before their text is made. */
  #hex(bytes: Bytes): string {
    this.#budget.assertHolds(2 * bytes.length);
    return toHex(bytes);
  }

  #formatMemory(runState: TracedRunState, words: number): string {
    this.#budget.assertHolds(words * WORD_CHARACTERS);
    const memory = readMemory(runState, 0, words * WORD_BYTES);
    const chunks = Array.from({ length: words }, (_, i) => `"${toHex(memory.subarray(i * WORD_BYTES, (i + 1) * WORD_BYTES))}"`);
    return chunks.join(',');
  }

  #formatStorage(runState: TracedRunState, opcode: number): string {
    const address = runState.env.address.bytes;
    const key = bigIntToBytes32(stackItem(runState, 0));
    const slots = this.#slotsOf(address);
    const written = opcode === SSTORE ? bigIntToBytes32(stackItem(runState, 1)) : undefined;
    slots.set(toHex(key), toHex(written ?? (this.#state as StateReader).getStorage(address, key)));
    this.#budget.assertHolds(slots.size * SLOT_CHARACTERS);
    return [...slots]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([slot, value]) => `"${slot}":"${value}"`)
      .join(',');
  }

  #slotsOf(address: Address): Slots {
    const key = toKey(address);
    const known = this.#storage.get(key);
    if (known !== undefined) return known;
    const slots: Slots = new Map();
    this.#storage.set(key, slots);
    return slots;
  }
}

function formatStack({ stack }: TracedRunState): string {
  const items = stack.getStack();
  return items.length === 0 ? '[]' : `["${items.map((item) => `0x${item.toString(16)}`).join('","')}"]`;
}

/** An SLOAD or SSTORE with all its operands. */
function readsSlot({ stack }: TracedRunState, opcode: number): boolean {
  return (opcode === SLOAD && stack.length >= 1) || (opcode === SSTORE && stack.length >= 2);
}
