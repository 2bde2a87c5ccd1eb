import { BLOB_GAS, BLOB_HASH_VERSION } from '../../protocol/blob-gas.ts';
import type { PoolErrorCode } from '../../protocol/pool-errors.ts';
import type { StateReader } from '../../protocol/ports/state.ts';
import { effectiveGasPrice } from '../../protocol/transaction.ts';
import { MAX_INIT_CODE_BYTES, type TransactionGas } from '../../protocol/transaction-gas.ts';
import { toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { Message } from './message.ts';
import { insufficientFunds } from './preflight.ts';

/** Wei that a message pays for a unit of each gas. */
export interface MessagePrices {
  readonly gas: bigint;
  readonly blobGas: bigint;
}

/** What the block asks, wei. */
export interface BlockPrices {
  readonly baseFeePerGas: bigint;
  readonly blobBaseFee: bigint;
  /** Who offers nothing is not asked for anything (geth's NoBaseFee); false: as transactions are. */
  readonly waivesFees: boolean;
}

/** @throws StrobeError INVALID_CHAIN_ID for a message that names another chain */
export function assertChain({ chainId }: Message, here: bigint): void {
  if (chainId === undefined || chainId === here) return;
  throw refusal('INVALID_CHAIN_ID', `chainId does not match node's (have=${chainId}, want=${here})`);
}

/** @throws StrobeError FEE_TOO_LOW, INVALID_FEES, INVALID_BLOBS */
export function priceMessage(message: Message, block: BlockPrices): MessagePrices {
  const { maxFeePerGas, maxPriorityFeePerGas } = message;
  const isFree = block.waivesFees && maxFeePerGas === 0n && maxPriorityFeePerGas === 0n;
  if (!isFree) assertFees(message, block.baseFeePerGas);
  const gas = isFree ? 0n : effectiveGasPrice(message, block.baseFeePerGas);
  return { gas, blobGas: priceBlobs(message, block) };
}

function assertFees(message: Message, baseFee: bigint): void {
  const { maxFeePerGas, maxPriorityFeePerGas } = message;
  const from = `address ${toHex(message.from)}`;
  if (maxPriorityFeePerGas > maxFeePerGas) {
    throw new StrobeError(
      'INVALID_FEES',
      `max priority fee per gas higher than max fee per gas: ${from}, maxPriorityFeePerGas: ${maxPriorityFeePerGas}, maxFeePerGas: ${maxFeePerGas}`,
    );
  }
  if (maxFeePerGas < baseFee) {
    throw refusal(
      'FEE_TOO_LOW',
      `max fee per gas less than block base fee: ${from}, maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFee}`,
    );
  }
}

function priceBlobs({ from, to, blobVersionedHashes, maxFeePerBlobGas }: Message, block: BlockPrices): bigint {
  if (blobVersionedHashes.length === 0) return 0n;
  if (to === undefined) throw invalidBlobs('blob transaction of type create');
  const wrong = blobVersionedHashes.findIndex((hash) => hash[0] !== BLOB_HASH_VERSION);
  if (wrong !== -1) throw invalidBlobs(`blob ${wrong} has invalid hash version`);
  if (block.waivesFees && maxFeePerBlobGas === 0n) return 0n;
  if (maxFeePerBlobGas >= block.blobBaseFee) return block.blobBaseFee;
  throw invalidBlobs(
    `max fee per blob gas less than block blob gas fee: address ${toHex(from)} blobGasFeeCap: ${maxFeePerBlobGas}, blobBaseFee: ${block.blobBaseFee}`,
  );
}

/** @throws StrobeError INSUFFICIENT_FUNDS when the sender cannot pay what the message may cost at most */
export function assertFunds(state: StateReader, message: Message): void {
  const { from, gasLimit, maxFeePerGas, maxFeePerBlobGas, value } = message;
  const have = state.getAccount(from)?.balance ?? 0n;
  const want = gasLimit * maxFeePerGas + blobGasOf(message) * maxFeePerBlobGas + value;
  if (have < want) throw refusal('INSUFFICIENT_FUNDS', insufficientFunds(from, have, want));
}

export function blobGasOf({ blobVersionedHashes }: Pick<Message, 'blobVersionedHashes'>): bigint {
  return BigInt(blobVersionedHashes.length) * BLOB_GAS;
}

/** @throws StrobeError INTRINSIC_GAS_TOO_LOW, INIT_CODE_TOO_LARGE */
export function assertGas({ gasLimit, to, data }: Message, { intrinsic, floor }: TransactionGas): void {
  if (gasLimit < intrinsic) {
    throw refusal('INTRINSIC_GAS_TOO_LOW', `intrinsic gas too low: have ${gasLimit}, want ${intrinsic}`);
  }
  if (gasLimit < floor) {
    throw refusal('INTRINSIC_GAS_TOO_LOW', `insufficient gas for floor data gas cost: have ${gasLimit}, want ${floor}`);
  }
  if (to === undefined && data.length > MAX_INIT_CODE_BYTES) {
    throw refusal('INIT_CODE_TOO_LARGE', `max initcode size exceeded: code size ${data.length} limit ${MAX_INIT_CODE_BYTES}`);
  }
}

function invalidBlobs(message: string): StrobeError<'INVALID_BLOBS'> {
  return new StrobeError('INVALID_BLOBS', message);
}

function refusal(code: PoolErrorCode, message: string): StrobeError<PoolErrorCode> {
  return new StrobeError(code, message);
}
