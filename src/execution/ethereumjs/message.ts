import type { CallEnvironment, CallRequest } from '../../protocol/ports/execution.ts';
import type { Hash } from '../../protocol/primitives.ts';

/** A message with everything decided that a request may leave open. */
export interface Message
  extends Omit<CallRequest, 'gas' | 'maxFeePerGas' | 'maxPriorityFeePerGas' | 'maxFeePerBlobGas' | 'blobVersionedHashes'> {
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly maxFeePerBlobGas: bigint;
  readonly blobVersionedHashes: readonly Hash[];
}

export function toMessage(request: CallRequest, gasLimit: bigint): Message {
  return {
    ...request,
    gasLimit,
    maxFeePerGas: request.maxFeePerGas ?? 0n,
    maxPriorityFeePerGas: request.maxPriorityFeePerGas ?? 0n,
    maxFeePerBlobGas: request.maxFeePerBlobGas ?? 0n,
    blobVersionedHashes: request.blobVersionedHashes ?? [],
  };
}

/**
 * The block as a call sees it: who offers no fee finds a base fee of zero, so that no contract sees a gas price below it,
 * and the same for blobs (geth).
 */
export function environmentOf(env: CallEnvironment, message: Message): CallEnvironment {
  const { maxFeePerGas, maxPriorityFeePerGas, blobVersionedHashes, maxFeePerBlobGas } = message;
  const isFree = maxFeePerGas === 0n && maxPriorityFeePerGas === 0n;
  const hasFreeBlobs = blobVersionedHashes.length > 0 && maxFeePerBlobGas === 0n;
  if (!isFree && !hasFreeBlobs) return env;
  return { ...env, ...(isFree && { baseFeePerGas: 0n }), ...(hasFreeBlobs && { blobBaseFee: 0n }) };
}
