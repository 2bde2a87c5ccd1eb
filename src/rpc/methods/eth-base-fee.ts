import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** Wei per gas that a transaction sent now will be charged at least. */
export const ethBaseFee: RpcMethod<undefined> = {
  name: 'eth_baseFee',
  maxParams: 0,
  parse: noParams,
  handle: (_, { fees }) => quantity(fees.currentBaseFee()),
};
