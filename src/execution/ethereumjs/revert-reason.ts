import { type Bytes, bytesToBigInt, toKey } from '../../util/bytes.ts';

/** Selectors of Solidity's Error(string) and Panic(uint256). */
const ERROR_SELECTOR = '08c379a0';
const PANIC_SELECTOR = '4e487b71';
const SELECTOR_BYTES = 4;
const WORD_BYTES = 32;

/** Geth's texts for Solidity's panic codes. */
const PANIC_REASONS: ReadonlyMap<bigint, string> = new Map([
  [0x00n, 'generic panic'],
  [0x01n, 'assert(false)'],
  [0x11n, 'arithmetic underflow or overflow'],
  [0x12n, 'division or modulo by zero'],
  [0x21n, 'enum overflow'],
  [0x22n, 'invalid encoded storage byte array accessed'],
  [0x31n, 'out-of-bounds array access; popping on an empty array'],
  [0x32n, 'out-of-bounds access of an array or bytesN'],
  [0x41n, 'out of memory'],
  [0x51n, 'uninitialized function'],
]);

/** Geth's message for a reverted call: the reason is appended when the output is Solidity's Error or Panic. */
export function revertMessage(output: Bytes): string {
  const reason = revertReason(output);
  return reason === undefined ? 'execution reverted' : `execution reverted: ${reason}`;
}

/** The reason in the output, when it is Solidity's Error or Panic. */
export function revertReason(output: Bytes): string | undefined {
  const selector = toKey(output.subarray(0, SELECTOR_BYTES));
  const data = output.subarray(SELECTOR_BYTES);
  if (selector === ERROR_SELECTOR) return decodeString(data);
  if (selector !== PANIC_SELECTOR || data.length < WORD_BYTES) return undefined;
  const code = bytesToBigInt(data.subarray(0, WORD_BYTES));
  return PANIC_REASONS.get(code) ?? `unknown panic code: 0x${code.toString(16)}`;
}

/** The one ABI-encoded string in `data`; undefined when it is not well-formed. */
function decodeString(data: Bytes): string | undefined {
  const offset = readLength(data, 0);
  const length = offset === undefined ? undefined : readLength(data, offset);
  if (offset === undefined || length === undefined) return undefined;
  const start = offset + WORD_BYTES;
  if (start + length > data.length) return undefined;
  return new TextDecoder().decode(data.subarray(start, start + length));
}

/** The word at `at` when it is a length that can lie inside `data`. */
function readLength(data: Bytes, at: number): number | undefined {
  if (at + WORD_BYTES > data.length) return undefined;
  const value = bytesToBigInt(data.subarray(at, at + WORD_BYTES));
  return value <= BigInt(data.length) ? Number(value) : undefined;
}
