import type { Address } from '../../protocol/primitives.ts';
import { LATEST } from '../block-param.ts';
import { readBlockOverrides } from '../read-block-overrides.ts';
import { type CallParams, readCallRequest, readOverrides } from '../read-call.ts';
import { readAddress, readObject, readUint64 } from '../read-params.ts';
import { readTimeout } from '../read-timeout.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { answerCall } from './eth-call.ts';

interface NonceCondition {
  readonly account: Address;
  readonly nonce: bigint;
  /** Undefined: the node's default. */
  readonly timeoutMs: number | undefined;
}

interface CallAfterParams {
  readonly condition: NonceCondition;
  readonly call: CallParams;
}

/** eth_call on the newest state as soon as an account's nonce has got there: after a transaction that was just sent. */
export const ethCallAfter: RpcMethod<CallAfterParams> = {
  name: 'eth_callAfter',
  maxParams: 4,
  parse: ([transaction, condition, overrides, blockOverrides]) => ({
    condition: readCondition(condition),
    call: {
      request: readCallRequest(transaction),
      block: LATEST,
      overrides: readOverrides(overrides),
      blockOverrides: readBlockOverrides(blockOverrides),
    },
  }),
  handle: async ({ condition: { account, nonce, timeoutMs }, call }, modules, caller) => {
    const { limits, nonceWaiters } = modules;
    const waitMs = Math.min(timeoutMs ?? limits.callAfterTimeoutMs, limits.maxCallAfterTimeoutMs);
    if (!(await nonceWaiters.reached(account, nonce, waitMs))) {
      throw rpcError('NONCE_TIMEOUT', 'Timeout: timeout waiting for nonce condition');
    }
    return answerCall(call, modules, caller);
  },
};

function readCondition(value: unknown): NonceCondition {
  const { account, nonce, timeout } = readObject(value, 'condition');
  return {
    account: readAddress(account, 'condition.account'),
    nonce: typeof nonce === 'number' ? readCount(nonce) : readUint64(nonce, 'condition.nonce'),
    timeoutMs: readTimeout(timeout, 'condition.timeout'),
  };
}

/** Some clients send nonces as numbers. */
function readCount(nonce: number): bigint {
  if (Number.isSafeInteger(nonce) && nonce >= 0) return BigInt(nonce);
  throw invalidParams('condition.nonce', 'expected a whole number');
}
