import type { CallOutcome } from '../../protocol/ports/execution.ts';
import { formatAccessList } from '../../protocol/transaction-json.ts';
import { quantity } from '../../util/quantity.ts';
import { type CallParams, readCallParams } from '../read-call.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';

/** The list of what a call touches, and the gas it uses with the list; `error` says why the call failed, if it did. */
export const ethCreateAccessList: RpcMethod<CallParams> = {
  name: 'eth_createAccessList',
  maxParams: 3,
  parse: readCallParams,
  handle: async ({ request, block, overrides }, { backend, executions }, { client }) => {
    const { accessList, outcome } = await runCallAt(block, backend, (position) =>
      executions.call(client, (calls) => calls.createAccessList(request, position, overrides)),
    );
    const error = failureOf(outcome);
    return {
      accessList: formatAccessList(accessList),
      ...(error === undefined ? {} : { error }),
      gasUsed: quantity(outcome.gasUsed),
    };
  },
};

function failureOf(outcome: CallOutcome): string | undefined {
  if (outcome.kind === 'success') return undefined;
  return outcome.kind === 'reverted' ? 'execution reverted' : outcome.message;
}
