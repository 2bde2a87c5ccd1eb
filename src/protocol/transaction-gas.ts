import type { Bytes } from '../util/bytes.ts';
import type { Address } from './primitives.ts';
import type { AccessListEntry } from './transaction.ts';

export const TRANSACTION_GAS = 21_000n;
/** EIP-2 */
const CREATION_GAS = 32_000n;
/** EIP-2028 prices, as tokens of EIP-7623: a zero byte is one token, any other four. */
const TOKEN_GAS = 4n;
const NON_ZERO_BYTE_TOKENS = 4;
const FLOOR_TOKEN_GAS = 10n;
/** EIP-3860, per 32-byte word of init code. */
const INIT_CODE_WORD_GAS = 2n;
/** EIP-2930 */
const ACCESS_LIST_ADDRESS_GAS = 2_400n;
const ACCESS_LIST_KEY_GAS = 1_900n;
/** EIP-7702 PER_EMPTY_ACCOUNT_COST */
const AUTHORIZATION_GAS = 25_000n;

/** EIP-3860: twice the largest code. */
export const MAX_INIT_CODE_BYTES = 49_152;

export interface GasRelevantFields {
  /** Undefined: contract creation. */
  readonly to: Address | undefined;
  readonly data: Bytes;
  readonly accessList: readonly AccessListEntry[];
  readonly authorizationList: readonly unknown[];
}

export interface TransactionGas {
  /** Charged before execution. */
  readonly intrinsic: bigint;
  /** Least gas a transaction with this calldata pays (EIP-7623). */
  readonly floor: bigint;
}

/** What a transaction costs before it runs, and the least it costs in the end. */
export function transactionGas({ to, data, accessList, authorizationList }: GasRelevantFields): TransactionGas {
  let tokens = 0;
  for (const byte of data) tokens += byte === 0 ? 1 : NON_ZERO_BYTE_TOKENS;
  let intrinsic = TRANSACTION_GAS + BigInt(tokens) * TOKEN_GAS;
  if (to === undefined) intrinsic += CREATION_GAS + BigInt(Math.ceil(data.length / 32)) * INIT_CODE_WORD_GAS;
  for (const entry of accessList) {
    intrinsic += ACCESS_LIST_ADDRESS_GAS + BigInt(entry.storageKeys.length) * ACCESS_LIST_KEY_GAS;
  }
  intrinsic += BigInt(authorizationList.length) * AUTHORIZATION_GAS;
  return { intrinsic, floor: TRANSACTION_GAS + BigInt(tokens) * FLOOR_TOKEN_GAS };
}
