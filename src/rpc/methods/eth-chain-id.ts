import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

export const ethChainId: RpcMethod<undefined> = {
  name: 'eth_chainId',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => quantity(backend.chain.chainId),
};
