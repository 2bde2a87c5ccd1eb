import { toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { readBlockParam, requireNewestState } from '../block-param.ts';
import { type CallParams, readCallRequest, readOverrides } from '../read-call.ts';
import { revertMessage } from '../revert-reason.ts';
import type { RpcMethod } from '../rpc-method.ts';

export const ethCall: RpcMethod<CallParams> = {
  name: 'eth_call',
  maxParams: 3,
  parse: ([transaction, block, overrides]) => ({
    request: readCallRequest(transaction),
    block: readBlockParam(block),
    overrides: readOverrides(overrides),
  }),
  handle: async ({ request, block, overrides }, { backend }) => {
    await requireNewestState(block, backend.chain);
    const outcome = await backend.calls.call(request, backend.chain.latestEnvironment(), overrides);
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
