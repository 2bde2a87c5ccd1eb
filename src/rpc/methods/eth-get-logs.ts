import { LATEST } from '../block-param.ts';
import { formatIndexedLog, formatLog, type RpcLog } from '../format-receipt.ts';
import { keyedLogs, type LogCriteria, LogMatcher, readLogCriteria, resolveRange } from '../log-criteria.ts';
import { retryEarliest } from '../read-blocks.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';

export const ethGetLogs: RpcMethod<{ filter: unknown }> = {
  name: 'eth_getLogs',
  maxParams: 1,
  parse: ([filter]) => ({ filter }),
  handle: ({ filter }, modules) => findLogs(readLogCriteria(filter, modules.limits), modules),
};

/**
 * Every log of the range or an error, never a part of them.
 * @throws StrobeError INVALID_PARAMS, LIMIT_EXCEEDED, UNKNOWN_BLOCK, BLOCK_NOT_FOUND, HISTORY_PRUNED, and the codes of
 * ChainReader.logs
 */
export async function findLogs(criteria: LogCriteria, { backend: { chain }, limits }: RpcModules): Promise<RpcLog[]> {
  if (criteria.blockHash === undefined) {
    const logs = await retryEarliest(criteria.fromBlock ?? LATEST, async () =>
      chain.logs(await resolveRange(criteria, chain, limits.maxLogRangeBlocks)),
    );
    return logs.map(formatIndexedLog);
  }
  const block = await chain.blockByHash(criteria.blockHash);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'unknown block');
  // Of this very block, not of the one that has its number by now.
  const matcher = new LogMatcher(criteria);
  const logs = keyedLogs(block.transactions).filter((log) => matcher.matches(log));
  const { maxLogResults } = limits;
  if (logs.length > maxLogResults) throw rpcError('LIMIT_EXCEEDED', `query returned more than ${maxLogResults} results`);
  return logs.map(({ transaction, log, position }) => formatLog(transaction, log, position, false));
}
