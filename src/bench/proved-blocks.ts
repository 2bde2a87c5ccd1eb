import { isStrobeError } from '../util/errors.ts';
import { quantity } from './chain-state.ts';
import { type RpcClient, rpcError } from './rpc-client.ts';

/** The newest `safe` block at one moment. */
export type SafeMark = { block: number; atMs: number };

/** What became safe (proved and attested) while the load ran, and how far that is behind. */
export type ProvedReport = {
  blocks: number;
  transactions: number;
  seconds: number;
  transactionsPerSecond: number;
  /** Sealed blocks above the safe one at the end. */
  unattestedBlocks: number;
};

/** "No such block yet", for the tag `safe` (execution-apis). */
const NO_SAFE_BLOCK = -39_001;
/** Blocks counted in one request. */
const COUNT_BATCH = 100;

/** @returns null when the node does not know the tag */
export async function readSafeMark(rpc: RpcClient): Promise<SafeMark | null> {
  try {
    return { block: numberOf(await rpc.call('eth_getBlockByNumber', ['safe', false])), atMs: performance.now() };
  } catch (error) {
    if (!isStrobeError(error, 'BENCH_RPC_ERROR')) throw error;
    return error.meta['code'] === NO_SAFE_BLOCK ? { block: 0, atMs: performance.now() } : null;
  }
}

/** Counts the transactions of the blocks that became safe between two marks; null without both. */
export async function provedReport(
  rpc: RpcClient,
  before: SafeMark | null,
  after: SafeMark | null,
): Promise<ProvedReport | null> {
  if (before === null || after === null) return null;
  const head = Number(quantity(await rpc.call('eth_blockNumber', [])));
  let transactions = 0;
  for (let first = before.block + 1; first <= after.block; first += COUNT_BATCH) {
    const count = Math.min(COUNT_BATCH, after.block - first + 1);
    const calls = Array.from({ length: count }, (_, at) => ({
      method: 'eth_getBlockTransactionCountByNumber',
      params: [`0x${(first + at).toString(16)}`],
    }));
    for (const answer of await rpc.batch(calls)) {
      if (answer.error) throw rpcError('eth_getBlockTransactionCountByNumber', answer.error);
      transactions += Number(quantity(answer.result));
    }
  }
  const seconds = (after.atMs - before.atMs) / 1_000;
  return {
    blocks: after.block - before.block,
    transactions,
    seconds,
    transactionsPerSecond: seconds > 0 ? transactions / seconds : 0,
    unattestedBlocks: head - after.block,
  };
}

/** A node that has the tag, but no such block, may also answer null. */
function numberOf(block: unknown): number {
  const number = (block as { number?: unknown } | null)?.number;
  return number === undefined || number === null ? 0 : Number(quantity(number));
}
