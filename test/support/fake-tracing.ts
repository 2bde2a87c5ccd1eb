import type { RpcBackend } from '../../src/protocol/ports/chain.ts';
import type { TraceLimits, TracerSpec } from '../../src/protocol/ports/tracing.ts';
import { type Bytes, toHex } from '../../src/util/bytes.ts';

/** What a trace was asked for, as its answer: the fake chain's transfers have nothing to trace. */
export function fakeTracing(storedWitnesses: ReadonlyMap<number, Bytes>): Pick<RpcBackend, 'tracer' | 'witnesses'> {
  const echo = (tracer: TracerSpec, limits: TraceLimits, what: unknown) => JSON.stringify({ tracer, limits, what });
  return {
    tracer: {
      traceBlock: async ({ env, transactions }, tracer, limits) =>
        transactions.map(({ transaction }) => echo(tracer, limits, { block: env.number, hash: toHex(transaction.hash) })),
      traceTransaction: async ({ env, transactions }, index, tracer, limits) =>
        echo(tracer, limits, { block: env.number, index, before: transactions.length }),
      traceCall: async ({ request, position, overrides, before }, tracer, limits) =>
        echo(tracer, limits, {
          to: request.to && toHex(request.to),
          block: position.env.number,
          timestamp: position.env.timestamp,
          overrides: overrides.length,
          before: before?.transactions.length ?? null,
        }),
    },
    witnesses: { read: async (blockNumber) => storedWitnesses.get(blockNumber) },
  };
}
