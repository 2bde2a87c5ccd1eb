import type { Bytes } from './bytes.ts';
import { HASHES_WASM } from './hashes-wasm.ts';

/** What assembly/hashes.ts exports; its comments are the documentation. */
interface HashesExports {
  readonly memory: WebAssembly.Memory;
  readonly INPUT: WebAssembly.Global;
  readonly INPUT_BYTES: WebAssembly.Global;
  readonly OUTPUT: WebAssembly.Global;
  keccakFill(): void;
  keccakEnd(length: number): void;
  xxHash64Fill(): void;
  xxHash64End(length: number): void;
}

/** Not `Buffer`: this runs in browsers too. */
function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(fromBase64(HASHES_WASM)));

/** One instance per thread: a hash runs to its end without yielding, so sharing it is safe. */
export const hashes = exports as HashesExports;

const { memory, INPUT, INPUT_BYTES, OUTPUT } = hashes;

/** Where messages are written; the memory does not grow, so this stays. */
export const hashInput: Bytes = new Uint8Array(memory.buffer, INPUT.value, INPUT_BYTES.value);
/** Where digests are read. */
export const hashOutput: Bytes = new Uint8Array(memory.buffer, OUTPUT.value, 32);
