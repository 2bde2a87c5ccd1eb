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

interface SendOptions {
  readonly waitMs: number;
  readonly requireReady: boolean;
}

/** Waits from before the transaction is submitted, so that a receipt that comes at once is not missed. */
async function sendAndWait(raw: Bytes, hash: Hash, options: SendOptions, modules: RpcModules): Promise<RpcReceipt> {
  const wait = modules.waiters.open(hash);
  try {
    const existing = await submit(raw, hash, options, modules);
    const indexed = existing ?? (await wait.included(options.waitMs));
    if (indexed !== undefined) return formatReceipt(indexed);
    throw timedOut(hash, options);
  } finally {
    wait.cancel();
  }
}

function timedOut(hash: Hash, { waitMs }: SendOptions) {
  const message = `The transaction was added to the mempool but wasn't processed in ${waitMs} ms.`;
  return rpcError('SYNC_TIMEOUT', message, { data: toHex(hash) });
}

/** Submits; a transaction that was sent before is waited for like a new one, or answered when it is included already. */
async function submit(
  raw: Bytes,
  hash: Hash,
  options: SendOptions,
  modules: RpcModules,
): Promise<IndexedTransaction | undefined> {
  const { transactions, chain } = modules.backend;
  try {
    await transactions.submit(raw, { requireReady: options.requireReady });
    return undefined;
  } catch (error) {
    if (isStrobeError(error, 'ALREADY_KNOWN')) return chain.transactionByHash(hash);
    if (!isStrobeError(error, 'NONCE_TOO_LOW')) throw error;
    const included = await includedAtItsNonce(raw, hash, options, modules);
    if (included === undefined) throw error;
    return included;
  }
}

/**
 * A nonce that is used may have been used by this very transaction. A replica may not have the mini-block yet that the
 * sequencer speaks of: it knows once the sender's nonce has gone by here.
 */
async function includedAtItsNonce(
  raw: Bytes,
  hash: Hash,
  options: SendOptions,
  { backend: { chain }, nonceWaiters }: RpcModules,
): Promise<IndexedTransaction | undefined> {
  const included = await chain.transactionByHash(hash);
  if (included !== undefined) return included;
  const { nonce, signingHash, signature } = decodeTransaction(raw);
  const isHere = await nonceWaiters.reached(recoverAddress(signingHash, signature), nonce + 1n, options.waitMs);
  if (!isHere) throw timedOut(hash, options);
  return chain.transactionByHash(hash);
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
