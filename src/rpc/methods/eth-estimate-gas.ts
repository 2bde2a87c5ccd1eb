import { fromHex } from '../../util/bytes.ts';
import { isStrobeError, StrobeError } from '../../util/errors.ts';
import { quantity } from '../../util/quantity.ts';
import { overrideBlock } from '../override-block.ts';
import { type CallParams, readCallParams } from '../read-call.ts';
import { revertMessage } from '../revert-reason.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';

export const ethEstimateGas: RpcMethod<CallParams> = {
  name: 'eth_estimateGas',
  maxParams: 4,
  parse: readCallParams,
  handle: async ({ request, block, overrides, blockOverrides }, { backend }) => {
    try {
      const gas = await runCallAt(block, backend, (position) =>
        backend.calls.estimateGas(request, overrideBlock(position, blockOverrides), overrides),
      );
      return quantity(gas);
    } catch (error) {
      throw withReason(error);
    }
  },
};

/** Puts the reason of a revert into the message and its output into `data`, as eth_call does. */
function withReason(error: unknown): unknown {
  if (!isStrobeError(error, 'EXECUTION_REVERTED')) return error;
  const { output } = error.meta;
  if (typeof output !== 'string') return error;
  return new StrobeError('EXECUTION_REVERTED', revertMessage(fromHex(output)), { data: output }, { cause: error });
}
