import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** The newest sealed block. */
export const ethBlockNumber: RpcMethod<undefined> = {
  name: 'eth_blockNumber',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => quantity(backend.chain.head().header.number),
};
