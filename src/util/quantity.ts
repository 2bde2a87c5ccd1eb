import type { Hex } from './bytes.ts';

/** A JSON-RPC QUANTITY: hex without leading zeros. */
export function quantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}
