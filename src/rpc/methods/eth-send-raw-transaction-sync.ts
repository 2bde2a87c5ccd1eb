import type { IndexedTransaction } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { decodeTransaction } from '../../protocol/transaction.ts';
import { type Bytes, toHex } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { quantity } from '../../util/quantity.ts';
import { recoverAddress } from '../../util/secp256k1.ts';
import { formatReceipt, type RpcReceipt } from '../format-receipt.ts';
import { readTimeout } from '../read-timeout.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';
import { readRawTransaction } from './eth-send-raw-transaction.ts';

interface SyncParams {
  readonly raw: Bytes;
  /** Undefined: the node's default. */
  readonly timeoutMs: number | undefined;
}

/** EIP-7966: sends a transaction and answers its receipt as soon as its mini-block is durable. */
export const ethSendRawTransactionSync: RpcMethod<SyncParams> = {
  name: 'eth_sendRawTransactionSync',
  maxParams: 2,
  parse: ([raw, timeout]) => ({ raw: readRawTransaction(raw), timeoutMs: readTimeout(timeout) }),
  handle: async ({ raw, timeoutMs }, modules) => {
    const { syncTimeoutMs, maxSyncTimeoutMs } = modules.limits;
    const waitMs = Math.min(timeoutMs ?? syncTimeoutMs, maxSyncTimeoutMs);
    const hash = keccak256(raw);
    try {
      return await sendAndWait(raw, hash, { waitMs, requireReady: true }, modules);
    } catch (error) {
      throw await asSyncError(error, raw, hash, modules);
    }
  },
};

/** The older dialect of the same: fixed time limit, plain errors, and a nonce gap is queued. */
export const realtimeSendRawTransaction: RpcMethod<Bytes> = {
  name: 'realtime_sendRawTransaction',
  maxParams: 1,
  parse: ([raw]) => readRawTransaction(raw),
  handle: async (raw, modules) => {
    try {
      const waitMs = modules.limits.realtimeTimeoutMs;
      return await sendAndWait(raw, keccak256(raw), { waitMs, requireReady: false }, modules);
    } catch (error) {
      throw isStrobeError(error, 'SYNC_TIMEOUT') ? rpcError('REALTIME_EXPIRED', 'realtime transaction expired') : error;
    }
  },
};

/** Waits from before the transaction is submitted, so that a receipt that comes at once is not missed. */
async function sendAndWait(
  raw: Bytes,
  hash: Hash,
  options: { readonly waitMs: number; readonly requireReady: boolean },
  { backend, waiters }: RpcModules,
): Promise<RpcReceipt> {
  const wait = waiters.open(hash);
  try {
    const existing = await submit(raw, hash, options.requireReady, backend);
    const indexed = existing ?? (await wait.included(options.waitMs));
    if (indexed !== undefined) return formatReceipt(indexed);
    const message = `The transaction was added to the mempool but wasn't processed in ${options.waitMs} ms.`;
    throw rpcError('SYNC_TIMEOUT', message, { data: toHex(hash) });
  } finally {
    wait.cancel();
  }
}

/** Submits; a transaction that was sent before is waited for like a new one, or answered when it is included already. */
async function submit(
  raw: Bytes,
  hash: Hash,
  requireReady: boolean,
  { transactions, chain }: RpcModules['backend'],
): Promise<IndexedTransaction | undefined> {
  try {
    await transactions.submit(raw, { requireReady });
    return undefined;
  } catch (error) {
    const isKnown = isStrobeError(error, 'ALREADY_KNOWN');
    if (!isKnown && !isStrobeError(error, 'NONCE_TOO_LOW')) throw error;
    const included = await chain.transactionByHash(hash);
    if (included === undefined && !isKnown) throw error;
    return included;
  }
}

/** EIP-7966's own codes for a transaction that is not in the pool; every other error stays what it is. */
async function asSyncError(error: unknown, raw: Bytes, hash: Hash, { backend }: RpcModules): Promise<unknown> {
  if (isStrobeError(error, 'NONCE_GAP')) {
    const { signingHash, signature } = decodeTransaction(raw);
    const expected = await backend.transactions.pendingNonce(recoverAddress(signingHash, signature));
    return rpcError('SYNC_NONCE_GAP', error.message, { data: quantity(expected) });
  }
  if (isStrobeError(error, 'NOT_ACCEPTING')) return rpcError('SYNC_NOT_READY', error.message, { data: toHex(hash) });
  // The link may be lost after the sequencer took it: the client must look for the hash.
  if (isStrobeError(error, 'SEQUENCER_UNREACHABLE')) return rpcError('SYNC_TIMEOUT', error.message, { data: toHex(hash) });
  return error;
}
