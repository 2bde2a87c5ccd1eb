import type { Bytes } from '../../../util/bytes.ts';
import type { RunState } from '../interpreter-types.ts';

/** The parts of the library's interpreter state that tracers read besides those of {@link RunState}. */
export interface TracedRunState extends RunState {
  readonly stack: RunState['stack'] & {
    readonly length: number;
    /** Bottom first; a copy. */
    getStack(): bigint[];
  };
  readonly memory: RunState['memory'] & { readonly _store: Bytes };
  readonly env: RunState['env'] & {
    readonly depth: number;
    readonly callValue: bigint;
    readonly contract: { readonly balance: bigint };
  };
  readonly interpreter: RunState['interpreter'] & {
    readonly _result: { readonly logs: readonly (readonly [address: Bytes, topics: Bytes[], data: Bytes])[] };
  };
  readonly gasRefund: bigint;
  /** Gas that a call or creation passes on, without the stipend of a call with value; set with its price. */
  readonly messageGasLimit?: bigint;
  /** What the last call of the frame returned. */
  readonly returnBytes: Bytes;
}

/** A copy of `length` bytes of memory from `offset`; what the memory does not reach yet is zero. */
export function readMemory({ memory }: TracedRunState, offset: number, length: number): Bytes {
  const present = memory._store.subarray(offset, offset + length);
  const bytes = new Uint8Array(length);
  bytes.set(present);
  return bytes;
}

/** The item at `depth` from the top of the stack. */
export function stackItem(runState: TracedRunState, depth: number): bigint {
  return runState.stack.peek(depth + 1)[depth] as bigint;
}
