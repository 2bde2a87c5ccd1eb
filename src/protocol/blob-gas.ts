/** EIP-4844 */
export const BLOB_GAS = 131_072n;
/** First byte of the hash of a KZG commitment. */
export const BLOB_HASH_VERSION = 1;
const MIN_BLOB_BASE_FEE = 1n;
/** EIP-7691, Prague */
const TARGET_BLOB_GAS = 6n * BLOB_GAS;
const BLOB_BASE_FEE_UPDATE_FRACTION = 5_007_716n;
/** EIP-7691: blobs of a block. */
export const MAX_BLOBS = 9;

/** Excess blob gas of the block after one with these fields. */
export function nextExcessBlobGas(parent: { readonly excessBlobGas: bigint; readonly blobGasUsed: bigint }): bigint {
  const excess = parent.excessBlobGas + parent.blobGasUsed - TARGET_BLOB_GAS;
  return excess > 0n ? excess : 0n;
}

/** Wei per blob gas: e to the excess over the fraction, by the series of EIP-4844. */
export function blobBaseFee(excessBlobGas: bigint): bigint {
  let sum = 0n;
  let term = MIN_BLOB_BASE_FEE * BLOB_BASE_FEE_UPDATE_FRACTION;
  for (let i = 1n; term > 0n; i++) {
    sum += term;
    term = (term * excessBlobGas) / (BLOB_BASE_FEE_UPDATE_FRACTION * i);
  }
  return sum / BLOB_BASE_FEE_UPDATE_FRACTION;
}
