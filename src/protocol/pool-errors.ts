import { StrobeError } from '../util/errors.ts';

/**
 * Why a transaction is refused. The messages carry geth's wording, since wallets match on it.
 */
export type PoolErrorCode =
  | 'ALREADY_KNOWN'
  | 'NONCE_TOO_LOW'
  | 'NONCE_GAP'
  | 'INSUFFICIENT_FUNDS'
  | 'INTRINSIC_GAS_TOO_LOW'
  | 'GAS_LIMIT_EXCEEDED'
  | 'FEE_TOO_LOW'
  | 'REPLACEMENT_UNDERPRICED'
  | 'POOL_FULL'
  | 'SENDER_LIMIT'
  | 'INVALID_SENDER'
  | 'INVALID_CHAIN_ID'
  | 'INIT_CODE_TOO_LARGE'
  | 'NOT_ACCEPTING';

export function poolError(code: PoolErrorCode, message: string, meta: StrobeError['meta'] = {}): StrobeError<PoolErrorCode> {
  return new StrobeError(code, message, meta);
}
