import { rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';

/** What asks the node to sign: it holds no keys of users, and says so as geth does without accounts. */
function refusesToSign(name: string, maxParams: number): RpcMethod<undefined> {
  return {
    name,
    maxParams,
    parse: () => undefined,
    handle: () => {
      throw rpcError('UNKNOWN_ACCOUNT', 'unknown account');
    },
  };
}

export const ethSign = refusesToSign('eth_sign', 2);
export const ethSignTransaction = refusesToSign('eth_signTransaction', 1);
export const ethSendTransaction = refusesToSign('eth_sendTransaction', 1);
