import { type GasHandler, halt, type RunState } from './interpreter-types.ts';

/** Gas prices of Prague (Yellow Paper appendix G, EIP-160, EIP-5656). */
const MEMORY_WORD_GAS = 3n;
const MEMORY_QUADRATIC_DIVISOR = 512n;
const COPY_WORD_GAS = 3n;
const KECCAK_WORD_GAS = 6n;
const EXPONENT_BYTE_GAS = 50n;
const LOG_TOPIC_GAS = 375n;
const LOG_BYTE_GAS = 8n;

const LOG0 = 0xa0;

/** Charges growing the memory so that it covers `length` bytes at `offset`. */
function memoryGas(runState: RunState, offset: bigint, length: bigint): bigint {
  if (length === 0n) return 0n;
  const words = toWords(offset + length);
  if (words <= runState.memoryWordCount) return 0n;
  const cost = words * MEMORY_WORD_GAS + (words * words) / MEMORY_QUADRATIC_DIVISOR;
  const paid = runState.highestMemCost;
  runState.memoryWordCount = words;
  runState.highestMemCost = cost;
  return cost - paid;
}

function toWords(bytes: bigint): bigint {
  return (bytes + 31n) >> 5n;
}

function fixedMemoryGas(bytes: bigint): GasHandler {
  return (runState, fee) => fee + memoryGas(runState, runState.stack.peek(1)[0] as bigint, bytes);
}

const rangeGas: GasHandler = (runState, fee) => {
  const [offset, length] = runState.stack.peek(2) as [bigint, bigint];
  return fee + memoryGas(runState, offset, length);
};

const copyGas: GasHandler = (runState, fee) => {
  const [target, , length] = runState.stack.peek(3) as [bigint, bigint, bigint];
  return fee + memoryGas(runState, target, length) + COPY_WORD_GAS * toWords(length);
};

const returnDataCopyGas: GasHandler = (runState, fee) => {
  const [, source, length] = runState.stack.peek(3) as [bigint, bigint, bigint];
  if (source + length > runState.interpreter.getReturnDataSize()) halt('OUT_OF_GAS');
  return copyGas(runState, fee);
};

const memoryCopyGas: GasHandler = (runState, fee) => {
  const [target, source, length] = runState.stack.peek(3) as [bigint, bigint, bigint];
  const growth = memoryGas(runState, source, length) + memoryGas(runState, target, length);
  return fee + growth + COPY_WORD_GAS * toWords(length);
};

const keccakGas: GasHandler = (runState, fee) => {
  const [offset, length] = runState.stack.peek(2) as [bigint, bigint];
  return fee + memoryGas(runState, offset, length) + KECCAK_WORD_GAS * toWords(length);
};

const exponentGas: GasHandler = (runState, fee) => {
  const exponent = runState.stack.peek(2)[1] as bigint;
  if (exponent === 0n) return fee;
  const bytes = (exponent.toString(16).length + 1) >> 1;
  return fee + BigInt(bytes) * EXPONENT_BYTE_GAS;
};

function logGas(topics: bigint): GasHandler {
  return (runState, fee) => {
    if (runState.env.isStatic) halt('STATIC_STATE_CHANGE');
    const [offset, length] = runState.stack.peek(2) as [bigint, bigint];
    return fee + memoryGas(runState, offset, length) + topics * LOG_TOPIC_GAS + length * LOG_BYTE_GAS;
  };
}

/**
 * Gas of the opcodes whose price depends on nothing but stack and memory. The library's own functions do the same but
 * are declared async, which costs a promise and a turn of the microtask queue for each MLOAD.
 */
export const SYNCHRONOUS_GAS: ReadonlyMap<number, GasHandler> = new Map<number, GasHandler>([
  [0x0a, exponentGas],
  [0x20, keccakGas],
  [0x37, copyGas],
  [0x39, copyGas],
  [0x3e, returnDataCopyGas],
  [0x51, fixedMemoryGas(32n)],
  [0x52, fixedMemoryGas(32n)],
  [0x53, fixedMemoryGas(1n)],
  [0x5e, memoryCopyGas],
  ...[0n, 1n, 2n, 3n, 4n].map((topics): [number, GasHandler] => [LOG0 + Number(topics), logGas(topics)]),
  [0xf3, rangeGas],
  [0xfd, rangeGas],
]);
