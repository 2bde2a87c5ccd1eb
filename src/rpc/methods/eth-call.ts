import { toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { type CallParams, readCallParams } from '../read-call.ts';
import { revertMessage } from '../revert-reason.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';

export const ethCall: RpcMethod<CallParams> = {
  name: 'eth_call',
  maxParams: 3,
  parse: readCallParams,
  handle: async ({ request, block, overrides }, { backend }) => {
    const outcome = await runCallAt(block, backend, (position) => backend.calls.call(request, position, overrides));
    switch (outcome.kind) {
      case 'success':
        return toHex(outcome.output);
      case 'reverted':
        throw new StrobeError('EXECUTION_REVERTED', revertMessage(outcome.output), { data: toHex(outcome.output) });
      case 'failed':
        throw new StrobeError('EXECUTION_FAILED', outcome.message);
    }
  },
};
