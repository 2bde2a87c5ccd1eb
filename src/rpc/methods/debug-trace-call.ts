import type { RpcBackend } from '../../protocol/ports/chain.ts';
import type { CallPosition, CallRequest } from '../../protocol/ports/execution.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { JsonText } from '../json-text.ts';
import { overrideBlock } from '../override-block.ts';
import { readCallRequest } from '../read-call.ts';
import { readTraceCallConfig, type TraceCallParams, traceLimits } from '../read-trace.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';
import { type TraceTarget, traced, traceTargetAt } from '../trace-target.ts';

interface DebugTraceCallParams extends TraceCallParams {
  readonly request: CallRequest;
  readonly block: BlockParam;
}

/**
 * A call as eth_call makes it while a tracer looks on: at the end of the block, or with `txIndex` in the middle of it,
 * in front of that transaction.
 */
export const debugTraceCall: RpcMethod<DebugTraceCallParams> = {
  name: 'debug_traceCall',
  maxParams: 3,
  parse: ([transaction, block, config]) => ({
    request: readCallRequest(transaction),
    block: readBlockParam(block),
    ...readTraceCallConfig(config),
  }),
  handle: ({ request, block, overrides, blockOverrides, txIndex, ...params }, { backend, limits, executions }, { client }) =>
    executions.run(client, async () => {
      const allowed = traceLimits(params, limits);
      const before = txIndex === undefined ? undefined : await transactionsBefore(block, txIndex, backend);
      const trace = (place: CallPosition) =>
        traced(place.env, () => {
          const call = { request, overrides, position: overrideBlock(place, blockOverrides) };
          return backend.tracer.traceCall({ ...call, ...(before !== undefined && { before }) }, params.tracer, allowed);
        });
      return new JsonText(await (before === undefined ? runCallAt(block, backend, trace) : trace(positionOf(before))));
    }),
};

async function transactionsBefore(block: BlockParam, end: number, backend: RpcBackend): Promise<TraceTarget> {
  const target = await traceTargetAt(block, backend);
  const { length } = target.transactions;
  if (end >= length) throw rpcError('BLOCK_NOT_FOUND', `transaction index ${end} out of range: the block has ${length}`);
  return { ...target, transactions: target.transactions.slice(0, end) };
}

function positionOf({ parentState: state, env }: TraceTarget): CallPosition {
  return { state, env };
}
