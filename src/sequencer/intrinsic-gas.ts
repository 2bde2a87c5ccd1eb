import type { Transaction } from '../protocol/transaction.ts';

const BASE_GAS = 21_000n;
const CREATE_GAS = 32_000n;
const INIT_CODE_WORD_GAS = 2n;
const ZERO_BYTE_GAS = 4n;
const NON_ZERO_BYTE_GAS = 16n;
const ACCESS_ADDRESS_GAS = 2_400n;
const ACCESS_KEY_GAS = 1_900n;
const AUTHORIZATION_GAS = 25_000n;
/** EIP-7623: a token is a zero byte, a non-zero byte is four. */
const FLOOR_GAS_PER_TOKEN = 10n;

/** Largest init code, bytes (EIP-3860). */
export const MAX_INIT_CODE_BYTES = 49_152;

function countZeroBytes(data: Uint8Array): number {
  let zeros = 0;
  for (const byte of data) if (byte === 0) zeros++;
  return zeros;
}

/** Gas charged before execution (Yellow Paper section 6.2; EIP-2028, 2930, 3860, 7702). */
export function intrinsicGas(transaction: Transaction): bigint {
  const { data, accessList, authorizationList } = transaction;
  const zeros = BigInt(countZeroBytes(data));
  let gas = BASE_GAS + zeros * ZERO_BYTE_GAS + (BigInt(data.length) - zeros) * NON_ZERO_BYTE_GAS;
  if (transaction.to === undefined) gas += CREATE_GAS + BigInt(Math.ceil(data.length / 32)) * INIT_CODE_WORD_GAS;
  for (const entry of accessList) gas += ACCESS_ADDRESS_GAS + BigInt(entry.storageKeys.length) * ACCESS_KEY_GAS;
  return gas + BigInt(authorizationList.length) * AUTHORIZATION_GAS;
}

/** Least gas that a transaction pays for its calldata (EIP-7623). */
export function floorDataGas(transaction: Transaction): bigint {
  const zeros = countZeroBytes(transaction.data);
  const tokens = zeros + (transaction.data.length - zeros) * 4;
  return BASE_GAS + BigInt(tokens) * FLOOR_GAS_PER_TOKEN;
}
