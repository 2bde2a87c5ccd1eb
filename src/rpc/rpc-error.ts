import type { PoolErrorCode } from '../protocol/pool-errors.ts';
import type { SimulationErrorCode } from '../protocol/ports/simulation.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';

/** The `error` member of a JSON-RPC answer. */
export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Codes that this folder throws; each has its number in {@link FAILURE_CODES}. */
export type RpcErrorCode =
  | 'PARSE_ERROR'
  | 'INVALID_REQUEST'
  | 'METHOD_NOT_FOUND'
  | 'INVALID_PARAMS'
  | 'LIMIT_EXCEEDED'
  | 'UNKNOWN_BLOCK'
  | 'BLOCK_NOT_FOUND'
  | 'HISTORY_PRUNED'
  | 'HISTORICAL_STATE_UNAVAILABLE'
  | 'NOT_AVAILABLE'
  | 'UNKNOWN_ACCOUNT'
  | 'METHOD_NOT_SUPPORTED'
  | 'PROOF_NOT_AVAILABLE'
  | 'CURSOR_ORPHANED'
  | 'FILTER_NOT_FOUND'
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'RESUME_ORPHANED'
  | 'RESUME_TOO_OLD'
  | 'RESUME_AHEAD'
  | 'REALTIME_EXPIRED'
  | 'NONCE_TIMEOUT'
  | 'UNSUPPORTED_OVERRIDE'
  | 'SYNC_TIMEOUT'
  | 'SYNC_NOT_READY'
  | 'SYNC_NONCE_GAP'
  | SimulationErrorCode;

/** Codes that the ports declare (protocol/ports) besides the pool's. */
type PortErrorCode =
  | 'LOG_RANGE_TOO_LARGE'
  | 'TOO_MANY_LOGS'
  | 'PROOFS_BUSY'
  | 'PROOF_TIMEOUT'
  | 'ARCHIVE_ROOT_WRONG'
  | 'THREAD_BUSY'
  | 'SEQUENCER_UNREACHABLE'
  | 'SEQUENCER_LINK_BUSY'
  | 'POOL_TOO_LARGE'
  | 'EXECUTION_REVERTED'
  | 'EXECUTION_FAILED'
  | 'CALL_GAS_ABOVE_CAP'
  | 'CALL_TIMEOUT'
  | 'EXECUTOR_FAILED'
  | 'TRACE_TIMEOUT'
  | 'TRACE_TOO_LARGE'
  | 'TRACE_FAILED'
  | 'STATE_FORGOTTEN'
  | 'INVALID_FEES'
  | 'INVALID_BLOBS'
  | 'INVALID_STATE_OVERRIDE'
  | 'PRECOMPILE_MOVED_TO_ITSELF'
  | 'INVALID_RLP'
  | 'INVALID_TRANSACTION'
  | 'INVALID_SIGNATURE'
  | 'TRANSACTION_TYPE_NOT_SUPPORTED'
  | 'TRANSACTION_TOO_LARGE';

/** The code that geth gives whatever has none of its own; the message says what is wrong. */
const SERVER_ERROR = -32_000;
const LIMIT = -32_005;
const INTERNAL_ERROR: RpcFailure = { code: -32_603, message: 'internal error' };

const FAILURE_CODES: Readonly<Record<RpcErrorCode | PortErrorCode | PoolErrorCode, number>> = {
  PARSE_ERROR: -32_700,
  INVALID_REQUEST: -32_600,
  METHOD_NOT_FOUND: -32_601,
  INVALID_PARAMS: -32_602,
  // EIP-1474
  LIMIT_EXCEEDED: LIMIT,
  LOG_RANGE_TOO_LARGE: LIMIT,
  TOO_MANY_LOGS: LIMIT,
  PROOFS_BUSY: LIMIT,
  // Clients that ask again after a limit find the trie nearer.
  PROOF_TIMEOUT: LIMIT,
  THREAD_BUSY: LIMIT,
  TRACE_TOO_LARGE: LIMIT,
  POOL_TOO_LARGE: LIMIT,
  SEQUENCER_LINK_BUSY: LIMIT,
  // EIP-1474: a method that this node is not set up for.
  METHOD_NOT_SUPPORTED: -32_004,
  // The OpenRPC document: a safe or finalized block that does not exist yet.
  UNKNOWN_BLOCK: -39_001,
  // Ours: each calls for another action of the subscriber; `data` is the number that it needs for it.
  RESUME_ORPHANED: -32_010,
  RESUME_TOO_OLD: -32_011,
  RESUME_AHEAD: -32_012,
  // EIP-4444; geth's choice of code.
  HISTORY_PRUNED: 4_444,
  EXECUTION_REVERTED: 3,
  // EIP-7966
  SYNC_TIMEOUT: 4,
  SYNC_NOT_READY: 5,
  SYNC_NONCE_GAP: 6,
  // eth_simulateV1, as the OpenRPC document has them.
  SIMULATED_NONCE_TOO_LOW: -38_010,
  SIMULATED_NONCE_TOO_HIGH: -38_011,
  SIMULATED_FEE_TOO_LOW: -38_012,
  SIMULATED_INTRINSIC_GAS_TOO_LOW: -38_013,
  SIMULATED_INSUFFICIENT_FUNDS: -38_014,
  SIMULATED_BLOCK_GAS_LIMIT: -38_015,
  SIMULATED_BLOCK_NUMBER: -38_020,
  SIMULATED_BLOCK_TIMESTAMP: -38_021,
  PRECOMPILE_MOVED_TO_ITSELF: -38_022,
  SIMULATED_INIT_CODE_TOO_LARGE: -38_025,
  SIMULATION_LIMIT_EXCEEDED: -38_026,
  SIMULATED_CALL_INVALID: -32_602,
  REALTIME_EXPIRED: SERVER_ERROR,
  NONCE_TIMEOUT: SERVER_ERROR,
  BLOCK_NOT_FOUND: SERVER_ERROR,
  HISTORICAL_STATE_UNAVAILABLE: SERVER_ERROR,
  PROOF_NOT_AVAILABLE: SERVER_ERROR,
  ARCHIVE_ROOT_WRONG: SERVER_ERROR,
  NOT_AVAILABLE: SERVER_ERROR,
  UNKNOWN_ACCOUNT: SERVER_ERROR,
  CURSOR_ORPHANED: SERVER_ERROR,
  FILTER_NOT_FOUND: SERVER_ERROR,
  SUBSCRIPTION_NOT_FOUND: SERVER_ERROR,
  SEQUENCER_UNREACHABLE: SERVER_ERROR,
  EXECUTION_FAILED: SERVER_ERROR,
  CALL_GAS_ABOVE_CAP: SERVER_ERROR,
  CALL_TIMEOUT: SERVER_ERROR,
  EXECUTOR_FAILED: SERVER_ERROR,
  TRACE_TIMEOUT: SERVER_ERROR,
  TRACE_FAILED: SERVER_ERROR,
  // The state went back, or on by 128 blocks, while blocks were simulated upon it.
  STATE_FORGOTTEN: SERVER_ERROR,
  INVALID_FEES: SERVER_ERROR,
  INVALID_BLOBS: SERVER_ERROR,
  INVALID_STATE_OVERRIDE: SERVER_ERROR,
  UNSUPPORTED_OVERRIDE: SERVER_ERROR,
  INVALID_RLP: SERVER_ERROR,
  INVALID_TRANSACTION: SERVER_ERROR,
  INVALID_SIGNATURE: SERVER_ERROR,
  TRANSACTION_TYPE_NOT_SUPPORTED: SERVER_ERROR,
  TRANSACTION_TOO_LARGE: SERVER_ERROR,
  ALREADY_KNOWN: SERVER_ERROR,
  NONCE_TOO_LOW: SERVER_ERROR,
  NONCE_GAP: SERVER_ERROR,
  INSUFFICIENT_FUNDS: SERVER_ERROR,
  INTRINSIC_GAS_TOO_LOW: SERVER_ERROR,
  GAS_LIMIT_EXCEEDED: SERVER_ERROR,
  FEE_TOO_LOW: SERVER_ERROR,
  REPLACEMENT_UNDERPRICED: SERVER_ERROR,
  POOL_FULL: SERVER_ERROR,
  SENDER_LIMIT: SERVER_ERROR,
  INVALID_SENDER: SERVER_ERROR,
  INVALID_CHAIN_ID: SERVER_ERROR,
  INIT_CODE_TOO_LARGE: SERVER_ERROR,
  NOT_ACCEPTING: SERVER_ERROR,
};

const CODES: ReadonlyMap<string, number> = new Map(Object.entries(FAILURE_CODES));

/** An error of this folder; `meta.data` becomes the `data` of the answer. */
export function rpcError(code: RpcErrorCode, message: string, meta: StrobeError['meta'] = {}): StrobeError<RpcErrorCode> {
  return new StrobeError(code, message, meta);
}

/** -32602, naming the parameter. */
export function invalidParams(field: string, problem: string): StrobeError<RpcErrorCode> {
  return rpcError('INVALID_PARAMS', `invalid params: ${field}: ${problem}`, { field });
}

/** What a client is told of an error; undefined for what is no client's business (the caller logs it). */
export function knownFailure(error: unknown): RpcFailure | undefined {
  if (!isStrobeError(error)) return undefined;
  const code = CODES.get(error.code);
  if (code === undefined) return undefined;
  const { data } = error.meta;
  return data === undefined ? { code, message: error.message } : { code, message: error.message, data };
}

/** The answer to an error that {@link knownFailure} does not know: no text of ours leaves the node. */
export const internalFailure: RpcFailure = INTERNAL_ERROR;
