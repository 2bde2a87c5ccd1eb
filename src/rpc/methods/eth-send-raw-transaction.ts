import { MAX_TRANSACTION_BYTES } from '../../protocol/limits.ts';
import { type Bytes, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { readData } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** Geth's bound with blobs: they go as far as the pool, whose refusal says that it takes none. */
const MAX_BLOB_TRANSACTION_BYTES = 1024 * 1024;

/** Hands a signed transaction to the pool and answers its hash. */
export const ethSendRawTransaction: RpcMethod<Bytes> = {
  name: 'eth_sendRawTransaction',
  maxParams: 1,
  parse: ([raw]) => readRawTransaction(raw),
  handle: (raw, { backend }) => backend.transactions.submit(raw).then(toHex),
};

/** The bytes of a signed transaction; what is in them is the pool's to check. */
export function readRawTransaction(value: unknown): Bytes {
  // Before decoding: nobody's hex is worth more than the largest transaction.
  if (typeof value === 'string') {
    const maxBytes = value.startsWith('0x03') ? MAX_BLOB_TRANSACTION_BYTES : MAX_TRANSACTION_BYTES;
    if (value.length > 2 + 2 * maxBytes) throw new StrobeError('TRANSACTION_TOO_LARGE', 'oversized data', { maxBytes });
  }
  return readData(value, 'transaction');
}
