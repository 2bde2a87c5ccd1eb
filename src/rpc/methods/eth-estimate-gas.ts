import type { CallExecutor } from '../../protocol/ports/execution.ts';
import { TRANSACTION_GAS } from '../../protocol/transaction-gas.ts';
import { fromHex } from '../../util/bytes.ts';
import { isStrobeError, StrobeError } from '../../util/errors.ts';
import { quantity } from '../../util/quantity.ts';
import { overrideBlock } from '../override-block.ts';
import { type CallParams, readCallParams } from '../read-call.ts';
import { revertMessage } from '../revert-reason.ts';
import type { RpcCaller } from '../rpc-caller.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';

export const ethEstimateGas: RpcMethod<CallParams> = {
  name: 'eth_estimateGas',
  maxParams: 4,
  parse: readCallParams,
  handle: async (params, { backend, executions }, { client }) => {
    const { request, block, overrides, blockOverrides } = params;
    try {
      const gas = await runCallAt(block, backend, (position) =>
        executions.call(client, (calls) => calls.estimateGas(request, overrideBlock(position, blockOverrides), overrides)),
      );
      const isForNextTransaction = block.kind === 'tag' && (block.tag === 'latest' || block.tag === 'pending');
      return quantity(isForNextTransaction ? await enoughInNextBlock(gas, params, { backend, executions, client }) : gas);
    } catch (error) {
      throw withReason(error);
    }
  },
};

/**
 * The transaction may come into the block behind the present one, and contracts do some things once for each block time,
 * such as the first swap of a pair: what is enough now must be enough then. With blocks of a second every other
 * transaction is sent so early; geth, whose blocks are further apart, estimates for the newest block alone.
 */
async function enoughInNextBlock(
  gas: bigint,
  { request, overrides, blockOverrides }: CallParams,
  { backend, executions, client }: Pick<RpcModules, 'backend' | 'executions'> & Pick<RpcCaller, 'client'>,
): Promise<bigint> {
  if (gas === TRANSACTION_GAS) return gas;
  const { state, chain } = backend;
  const env = chain.latestEnvironment();
  const next = { state, env: { ...env, number: env.number + 1, timestamp: env.timestamp + 1 } };
  const position = overrideBlock(next, blockOverrides);
  const estimate = async (calls: CallExecutor): Promise<bigint> => {
    if ((await calls.call({ ...request, gas }, position, overrides)).kind === 'success') return gas;
    const later = await calls.estimateGas(request, position, overrides);
    return later > gas ? later : gas;
  };
  try {
    return await executions.call(client, estimate);
  } catch {
    // What cannot be executed then has its estimate for now.
    return gas;
  }
}

/** Puts the reason of a revert into the message and its output into `data`, as eth_call does. */
function withReason(error: unknown): unknown {
  if (!isStrobeError(error, 'EXECUTION_REVERTED')) return error;
  const { output } = error.meta;
  if (typeof output !== 'string') return error;
  return new StrobeError('EXECUTION_REVERTED', revertMessage(fromHex(output)), { data: output }, { cause: error });
}
