/** What a call of a method costs, in units of a read from memory; 1 for those that are not here. */
const COSTS: Readonly<Record<string, number>> = {
  // Recovery of a signature, and a place in the pool.
  eth_sendRawTransaction: 2,
  eth_sendRawTransactionSync: 2,
  realtime_sendRawTransaction: 2,
  // Decode whole blocks.
  eth_getBlockByHash: 2,
  eth_getBlockByNumber: 2,
  eth_getBlockReceipts: 5,
  eth_feeHistory: 5,
  debug_getRawBlock: 5,
  debug_getRawHeader: 1,
  debug_getRawReceipts: 5,
  debug_getRawTransaction: 1,
  // Execute.
  eth_call: 5,
  eth_callAfter: 5,
  eth_estimateGas: 10,
  eth_createAccessList: 10,
  eth_simulateV1: 50,
  // Hash their way through the trie, or a whole block.
  eth_getProof: 10,
  strobe_getReceiptProof: 10,
  // Read many blocks.
  eth_getLogs: 10,
  eth_getLogsWithCursor: 10,
  eth_getFilterLogs: 10,
  // The whole pool.
  txpool_content: 10,
  txpool_inspect: 10,
};

/** Traces and witnesses execute whole blocks again, slower. */
const DEBUG_COST = 50;
/** Reading, parsing and sending that many bytes is worth a call of its own. */
const BYTES_PER_UNIT = 64 * 1024;

export function costOfCall(method: unknown): number {
  if (typeof method !== 'string') return 1;
  // Own names only: `constructor` is no method.
  if (Object.hasOwn(COSTS, method)) return COSTS[method] as number;
  return method.startsWith('debug_') ? DEBUG_COST : 1;
}

/** What a message of this length costs besides its calls. */
export function costOfBytes(bytes: number): number {
  return Math.floor(bytes / BYTES_PER_UNIT);
}
