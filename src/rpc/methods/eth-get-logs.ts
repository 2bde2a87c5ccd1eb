import { formatIndexedLog, type RpcLog } from '../format-receipt.ts';
import { type LogCriteria, readLogCriteria, resolveRange } from '../log-criteria.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';

export const ethGetLogs: RpcMethod<{ filter: unknown }> = {
  name: 'eth_getLogs',
  maxParams: 1,
  parse: ([filter]) => ({ filter }),
  handle: ({ filter }, modules) => findLogs(readLogCriteria(filter, modules.limits), modules),
};

/** @throws StrobeError INVALID_PARAMS, LIMIT_EXCEEDED, UNKNOWN_BLOCK, BLOCK_NOT_FOUND, and the codes of ChainReader.logs */
export async function findLogs(criteria: LogCriteria, { backend: { chain }, limits }: RpcModules): Promise<RpcLog[]> {
  if (criteria.blockHash === undefined) {
    const logs = await chain.logs(resolveRange(criteria, chain, limits.maxLogRangeBlocks));
    return logs.map(formatIndexedLog);
  }
  const block = await chain.blockByHash(criteria.blockHash);
  if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'unknown block');
  const { addresses, topics } = criteria;
  const number = block.header.number;
  return (await chain.logs({ fromBlock: number, toBlock: number, addresses, topics })).map(formatIndexedLog);
}
