import { isStrobeError, StrobeError } from '../util/errors.ts';
import type { RpcAnswer } from './rpc-client.ts';

/** What the node said to one transaction of a batch. */
export type SendError = { index: number; code: number | string; message: string };

/** The limit was hit (EIP-1474 -32005, HTTP 429/503, a full pool): the same transaction is welcome later. */
const BACKPRESSURE_TEXT = /pool is full|pool full|limit exceeded|rate limit|too many|overload|busy|try again/i;
const LIMIT_EXCEEDED = -32005;
/** The node has it already: a repeated send after a lost answer. */
const KNOWN_TEXT = /already known|known transaction|already imported|already exists/i;

/**
 * Errors of a batch answer by transaction index. A body without the word "error" means that all were taken, which
 * saves parsing nearly every answer; the receipts are checked at the end anyway.
 */
export function parseBatchAnswer(text: string, indices: readonly number[]): SendError[] {
  if (text.startsWith('[') && !text.includes('"error"')) return [];
  let answers: unknown;
  try {
    answers = JSON.parse(text);
  } catch {
    return everyIndex(indices, 'BENCH_RPC_BAD_ANSWER', 'the answer is not JSON');
  }
  if (!Array.isArray(answers)) {
    const error = (answers as RpcAnswer | null)?.error;
    return everyIndex(indices, error?.code ?? 'none', error?.message ?? 'the answer to a batch is no array');
  }
  const known = new Set(indices);
  const errors: SendError[] = [];
  for (const { id, error } of answers as RpcAnswer[]) {
    if (error && typeof id === 'number' && known.has(id)) errors.push({ index: id, code: error.code, message: error.message });
  }
  // In nonce order, whatever the order of the answers: what follows depends on what came before.
  return errors.sort((a, b) => a.index - b.index);
}

/** The failed request as an error of each of its transactions. */
export function transportErrors(error: unknown, indices: readonly number[]): SendError[] {
  const failure = error instanceof StrobeError ? error : new StrobeError('BENCH_RPC_UNREACHABLE', String(error));
  return everyIndex(indices, failure.code, failure.message);
}

/** Whether sending it again can help. */
export function isRetryable({ code, message }: SendError): boolean {
  if (typeof code === 'string') return code.startsWith('BENCH_');
  return code === LIMIT_EXCEEDED || BACKPRESSURE_TEXT.test(message);
}

export function isAlreadyKnown({ message }: SendError): boolean {
  return KNOWN_TEXT.test(message);
}

/** After a lost answer the transaction may even be included by now. */
export function isNonceUsed({ message }: SendError): boolean {
  return /nonce too low/i.test(message);
}

/** True when the node does not know the method (geth, anvil and reth answer -32601, some gateways only say so). */
export function isMethodMissing(error: unknown): boolean {
  if (!isStrobeError(error, 'BENCH_RPC_ERROR')) return false;
  return error.meta['code'] === -32601 || /method .*(not|unsupported)/i.test(error.message);
}

function everyIndex(indices: readonly number[], code: number | string, message: string): SendError[] {
  return indices.map((index) => ({ index, code, message }));
}
