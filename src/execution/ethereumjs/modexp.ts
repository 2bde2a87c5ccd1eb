import { EVMError, type ExecResult, type PrecompileInput } from '@ethereumjs/evm';
import { type Bytes, bigIntToBytes, bytesToBigInt, EMPTY_BYTES } from '../../util/bytes.ts';
import type { ExecutionDeadline } from './execution-deadline.ts';

const WORD_BYTES = 32;
const HEADER_BYTES = 3 * WORD_BYTES;
/** EIP-2565 */
const MIN_GAS = 200n;
const GAS_DIVISOR = 3n;
const MULTIPLICATION_WORD_BYTES = 8n;

/** Work between two looks at the clock, in squared bytes of the modulus: about a millisecond. */
const WORK_PER_CLOCK_CHECK = 1_000_000;
/** Least work of one squaring: small numbers cost their allocation. */
const MIN_SQUARING_WORK = 100;

/**
 * The MODEXP precompile (EIP-198, EIP-2565). The library's halves the exponent as one big number at each step, which is
 * quadratic in its length: one transaction of 16 M gas, with an exponent of a megabyte, would run for minutes. Here the
 * exponent is read bit by bit, and the clock is looked at on the way.
 */
export function createModexp(deadline: ExecutionDeadline): (input: PrecompileInput) => ExecResult {
  return ({ data, gasLimit }) => {
    const [baseBytes, exponentBytes, modulusBytes] = [0, 1, 2].map((i) =>
      bytesToBigInt(slice(data, i * WORD_BYTES, WORD_BYTES)),
    ) as [bigint, bigint, bigint];
    const gas = modexpGas(data, baseBytes, exponentBytes, modulusBytes);
    if (gas > gasLimit) return outOfGas(gasLimit);
    if (baseBytes === 0n && modulusBytes === 0n) return { executionGasUsed: gas, returnValue: EMPTY_BYTES };

    // The gas just paid bounds all three lengths far below 2^53.
    const [baseLength, exponentLength, modulusLength] = [baseBytes, exponentBytes, modulusBytes].map(Number) as [
      number,
      number,
      number,
    ];
    const exponentAt = HEADER_BYTES + baseLength;
    const modulus = bytesToBigInt(slice(data, exponentAt + exponentLength, modulusLength));
    const base = bytesToBigInt(slice(data, HEADER_BYTES, baseLength));
    const exponent = { bytes: data.subarray(exponentAt, exponentAt + exponentLength), length: exponentLength };
    const result = modulus === 0n ? 0n : power(base, exponent, modulus, modulusLength, deadline);
    const output = new Uint8Array(modulusLength);
    const bytes = bigIntToBytes(result);
    output.set(bytes, modulusLength - bytes.length);
    return { executionGasUsed: gas, returnValue: output };
  };
}

/** Gas of EIP-2565. */
function modexpGas(data: Bytes, baseBytes: bigint, exponentBytes: bigint, modulusBytes: bigint): bigint {
  const longest = baseBytes > modulusBytes ? baseBytes : modulusBytes;
  const words = (longest + MULTIPLICATION_WORD_BYTES - 1n) / MULTIPLICATION_WORD_BYTES;
  const gas = (words * words * iterations(data, baseBytes, exponentBytes)) / GAS_DIVISOR;
  return gas < MIN_GAS ? MIN_GAS : gas;
}

function iterations(data: Bytes, baseBytes: bigint, exponentBytes: bigint): bigint {
  const headLength = exponentBytes < WORD_BYTES ? Number(exponentBytes) : WORD_BYTES;
  const exponentAt = BigInt(HEADER_BYTES) + baseBytes;
  const inside = exponentAt < BigInt(data.length);
  const head = inside ? bytesToBigInt(slice(data, Number(exponentAt), headLength)) : 0n;
  const headBits = head === 0n ? 0 : head.toString(2).length - 1;
  const count = (exponentBytes - BigInt(headLength)) * 8n + BigInt(headBits);
  return count === 0n ? 1n : count;
}

/** The exponent's bytes as far as calldata goes; up to `length` it goes on with zeros. */
interface Exponent {
  readonly bytes: Bytes;
  readonly length: number;
}

/** Left-to-right square and multiply. */
function power(base: bigint, exponent: Exponent, modulus: bigint, modulusLength: number, deadline: ExecutionDeadline): bigint {
  const factor = base % modulus;
  const squaringWork = Math.max(modulusLength * modulusLength, MIN_SQUARING_WORK);
  let workToClockCheck = WORK_PER_CLOCK_CHECK;
  let result = 1n % modulus;
  let started = false;
  for (let i = 0; i < exponent.length; i++) {
    const byte = exponent.bytes[i] ?? 0;
    if (!started && byte === 0) continue;
    started = true;
    for (let bit = 0x80; bit > 0; bit >>= 1) {
      result = (result * result) % modulus;
      if ((byte & bit) !== 0) result = (result * factor) % modulus;
    }
    workToClockCheck -= 8 * squaringWork;
    if (workToClockCheck <= 0) {
      workToClockCheck = WORK_PER_CLOCK_CHECK;
      deadline.check();
    }
  }
  return result;
}

/** `length` bytes from `start`; bytes after the end of the data are zero. */
function slice(data: Bytes, start: number, length: number): Bytes {
  const present = data.subarray(start, start + length);
  if (present.length === length) return present;
  const padded = new Uint8Array(length);
  padded.set(present);
  return padded;
}

function outOfGas(gasLimit: bigint): ExecResult {
  return {
    executionGasUsed: gasLimit,
    returnValue: EMPTY_BYTES,
    exceptionError: new EVMError(EVMError.errorMessages.OUT_OF_GAS),
  };
}
