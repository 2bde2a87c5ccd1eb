import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { NewestState } from '../protocol/ports/simulation.ts';
import type { TracedBlock } from '../protocol/ports/tracing.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import { placeOf } from '../state/state-place.ts';
import { placedBlock, placedPosition } from './executor-api.ts';
import type { ExecutorPool } from './executor-pool.ts';

export interface RemoteExecutorModules {
  readonly pool: Pick<ExecutorPool, 'run'>;
  readonly recentHeaders: Pick<RecentHeaders, 'hashes'>;
  readonly newestState: (since: number | undefined) => Promise<NewestState>;
}

/** What executes for long, in the threads of a pool. Each request is about one state, which is named there as it is here. */
export function remoteExecutors({
  pool,
  recentHeaders,
  newestState,
}: RemoteExecutorModules): Pick<RpcBackend, 'calls' | 'simulator' | 'tracer'> {
  const upTo = (block: TracedBlock, end: number) => placedBlock({ ...block, transactions: block.transactions.slice(0, end) });
  const recent = () => recentHeaders.hashes();
  return {
    calls: {
      call: (request, position, overrides) =>
        pool.run((executor) => executor.call('call', recent(), request, placedPosition(position), overrides)),
      estimateGas: (request, position, overrides) =>
        pool.run((executor) => executor.call('estimateGas', recent(), request, placedPosition(position), overrides)),
      createAccessList: (request, position, overrides) =>
        pool.run((executor) => executor.call('createAccessList', recent(), request, placedPosition(position), overrides)),
    },
    simulator: {
      newestState,
      simulate: (request, { state, ...base }, full) =>
        pool.run((executor) => executor.call('simulate', recent(), request, { ...base, place: placeOf(state) }, full)),
    },
    tracer: {
      traceBlock: (block, tracer, limits) =>
        pool.run(async (executor) => executor.call('traceBlock', recent(), await placedBlock(block), tracer, limits)),
      traceTransaction: (block, index, tracer, limits) =>
        pool.run(async (executor) => executor.call('traceTransaction', recent(), await upTo(block, index + 1), tracer, limits)),
      traceCall: ({ request, position, overrides, before: block }, tracer, limits) =>
        pool.run(async (executor) => {
          const placed = placedPosition(position);
          const before = block && (await placedBlock(block));
          return executor.call('traceCall', recent(), { request, overrides, position: placed, before }, tracer, limits);
        }),
    },
  };
}
