import type { CallRequest } from '../../src/protocol/ports/execution.ts';
import { EMPTY_BYTES } from '../../src/util/bytes.ts';
import { CONTRACT, SENDER } from './execution-harness.ts';

/** A call of the contract by the sender that leaves open what can be left open. */
export function callRequest(fields: Partial<CallRequest> = {}): CallRequest {
  return {
    from: SENDER,
    to: CONTRACT,
    gas: undefined,
    maxFeePerGas: undefined,
    maxPriorityFeePerGas: undefined,
    value: 0n,
    data: EMPTY_BYTES,
    accessList: [],
    authorizationList: [],
    ...fields,
  };
}
