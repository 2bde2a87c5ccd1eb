import { type Bytes, toHex } from '../../../util/bytes.ts';
import type { OutputBudget } from './output-budget.ts';
import type { FrameStart, Tracer } from './tracer.ts';

const SELECTOR_BYTES = 4;
const CALL_TYPES: readonly string[] = ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'];
/** `"0x27dc297e-128":1,` with some room. */
const ENTRY_CHARACTERS = 32;

/** geth's 4byteTracer: how often each function selector was called, with the length of the data behind it. */
export class FourByteTracer implements Tracer {
  readonly #budget: OutputBudget;
  readonly #counts = new Map<string, number>();

  constructor(budget: OutputBudget) {
    this.#budget = budget;
  }

  onEnter({ type, input, isPrecompile }: FrameStart): void {
    // Creations have code for their input, and precompiles no functions.
    if (input.length >= SELECTOR_BYTES && !isPrecompile && CALL_TYPES.includes(type)) this.#count(input);
  }

  result(): string {
    return JSON.stringify(Object.fromEntries(this.#counts));
  }

  #count(input: Bytes): void {
    const key = `${toHex(input.subarray(0, SELECTOR_BYTES))}-${input.length - SELECTOR_BYTES}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#budget.spend(ENTRY_CHARACTERS);
    this.#counts.set(key, (known ?? 0) + 1);
  }
}
