import { toHex } from '../../util/bytes.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** The node holds no keys of users. */
export const ethAccounts: RpcMethod<undefined> = {
  name: 'eth_accounts',
  maxParams: 0,
  parse: noParams,
  handle: () => [],
};

/** The address that gets the tips. */
export const ethCoinbase: RpcMethod<undefined> = {
  name: 'eth_coinbase',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => toHex(backend.chain.latestEnvironment().coinbase),
};
