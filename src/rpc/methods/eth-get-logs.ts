import { LATEST } from '../block-param.ts';
import { formatIndexedLog, type RpcLog } from '../format-receipt.ts';
import { type LogCriteria, readLogCriteria, resolveRange } from '../log-criteria.ts';
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
  const { addresses, topics } = criteria;
  const number = block.header.number;
  return (await chain.logs({ fromBlock: number, toBlock: number, addresses, topics })).map(formatIndexedLog);
}
