import { type ErrorMeta, StrobeError } from '../util/errors.ts';

/**
 * What a verified transport throws besides the errors of the transport below it:
 * - VERIFICATION_FAILED: the node's answer is false, or not even well formed; `meta.check` says which check it failed
 * - NOT_ATTESTED: not enough provers attested the block that was asked for, or the newest that the node knows is too old
 * - NOT_VERIFIABLE: the request cannot be verified, and the settings do not let it pass through
 * - INVALID_OPTIONS: the settings make no sense
 */
export type VerificationErrorCode = 'VERIFICATION_FAILED' | 'NOT_ATTESTED' | 'NOT_VERIFIABLE' | 'INVALID_OPTIONS';

/** Which check an answer failed. */
export type FailedCheck =
  | 'answer form'
  | 'block hash'
  | 'block number'
  | 'conflicting block'
  | 'account proof'
  | 'account value'
  | 'storage proof'
  | 'storage value'
  | 'code hash'
  | 'transaction proof'
  | 'transaction hash'
  | 'receipt proof';

/** The node's answer is false: `meta.check` says what differed. */
export function verificationFailed(
  check: FailedCheck,
  message: string,
  meta: ErrorMeta = {},
  cause?: unknown,
): StrobeError<'VERIFICATION_FAILED'> {
  const options = cause === undefined ? undefined : { cause };
  return new StrobeError('VERIFICATION_FAILED', `the node's answer is false: ${message}`, { check, ...meta }, options);
}

/** Runs a check whose own errors say that the node's answer is wrong. @throws StrobeError VERIFICATION_FAILED */
export function checking<Result>(check: FailedCheck, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof StrobeError && cause.code === 'VERIFICATION_FAILED') throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw verificationFailed(check, `${check}: ${reason}`, {}, cause);
  }
}
