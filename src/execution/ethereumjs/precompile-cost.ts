import type { Bytes } from '../../util/bytes.ts';

/** How long a precompile runs in JavaScript, per unit of its input. */
interface UnitCost {
  readonly unitBytes: number;
  /** Least gas a unit is charged: input that the gas does not cover is not worked on. */
  readonly gas: number;
  readonly ms: number;
}

/** Measured with the library's default implementations, which reach 2 to 5 MGas/s. */
const UNIT_COSTS: ReadonlyMap<string, UnitCost> = new Map([
  ['08', { unitBytes: 192, gas: 34_000, ms: 7 }],
  ['0c', { unitBytes: 160, gas: 6_228, ms: 3 }],
  ['0e', { unitBytes: 288, gas: 11_790, ms: 8 }],
  ['0f', { unitBytes: 384, gas: 32_600, ms: 8 }],
]);

/** BLAKE2F takes its number of rounds, 1 gas each, from the first four bytes. */
const BLAKE2F = '09';
const BLAKE2F_MS_PER_ROUND = 0.0003;

/** Precompiles of which one call may run for seconds, by the last byte of their address. */
export const SLOW_PRECOMPILES: readonly string[] = [...UNIT_COSTS.keys(), BLAKE2F];

/** Milliseconds that the call will take, roughly; zero for those that are fast or fail for want of gas. */
export function estimatePrecompileMs(precompile: string, data: Bytes, gasLimit: bigint): number {
  if (precompile === BLAKE2F) {
    const rounds = data.length < 4 ? 0 : new DataView(data.buffer, data.byteOffset).getUint32(0);
    return BigInt(rounds) > gasLimit ? 0 : rounds * BLAKE2F_MS_PER_ROUND;
  }
  const cost = UNIT_COSTS.get(precompile);
  if (cost === undefined) return 0;
  const units = Math.floor(data.length / cost.unitBytes);
  return BigInt(units * cost.gas) > gasLimit ? 0 : units * cost.ms;
}
