import { type Hex, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { overrideBlock } from '../override-block.ts';
import { type CallParams, readCallParams } from '../read-call.ts';
import { revertMessage } from '../revert-reason.ts';
import type { RpcCaller } from '../rpc-caller.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';
import { runCallAt } from '../state-at-block.ts';

export const ethCall: RpcMethod<CallParams> = {
  name: 'eth_call',
  maxParams: 4,
  parse: readCallParams,
  handle: answerCall,
};

/** @throws StrobeError EXECUTION_REVERTED with the output as `data`, EXECUTION_FAILED, and what calls are refused with */
export async function answerCall(
  params: CallParams,
  { backend, executions }: Pick<RpcModules, 'backend' | 'executions'>,
  { client }: Pick<RpcCaller, 'client'>,
): Promise<Hex> {
  const { request, block, overrides, blockOverrides } = params;
  const outcome = await runCallAt(block, backend, (position) =>
    executions.call(client, (calls) => calls.call(request, overrideBlock(position, blockOverrides), overrides)),
  );
  switch (outcome.kind) {
    case 'success':
      return toHex(outcome.output);
    case 'reverted':
      throw new StrobeError('EXECUTION_REVERTED', revertMessage(outcome.output), { data: toHex(outcome.output) });
    case 'failed':
      throw new StrobeError('EXECUTION_FAILED', outcome.message);
  }
}
