import type { Hash } from '../../protocol/primitives.ts';
import { JsonText } from '../json-text.ts';
import { readHash } from '../read-params.ts';
import { readTraceConfig, type TraceParams, traceLimits } from '../read-trace.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { traced, traceTargetOf } from '../trace-target.ts';

interface TraceTransactionParams extends TraceParams {
  readonly hash: Hash;
}

/** A transaction executed again while a tracer looks on, one of the open block too. */
export const debugTraceTransaction: RpcMethod<TraceTransactionParams> = {
  name: 'debug_traceTransaction',
  maxParams: 2,
  parse: ([hash, config]) => ({ hash: readHash(hash, 'hash'), ...readTraceConfig(config) }),
  handle: ({ hash, ...params }, { backend, limits, executions }, { client }) =>
    executions.run(client, async () => {
      const { target, index } = await traceTargetOf(hash, backend);
      const allowed = traceLimits(params, limits);
      return new JsonText(await traced(target.env, () => backend.tracer.traceTransaction(target, index, params.tracer, allowed)));
    }),
};
