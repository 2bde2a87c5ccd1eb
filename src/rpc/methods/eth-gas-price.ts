import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** Base fee of the next transaction and the suggested tip. */
export const ethGasPrice: RpcMethod<undefined> = {
  name: 'eth_gasPrice',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { fees }) => quantity(fees.currentBaseFee() + (await fees.suggestTip())),
};

export const ethMaxPriorityFeePerGas: RpcMethod<undefined> = {
  name: 'eth_maxPriorityFeePerGas',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { fees }) => quantity(await fees.suggestTip()),
};

/** Blobs are refused, so excess blob gas is always 0 and the blob base fee EIP-4844's minimum of 1 wei. */
export const ethBlobBaseFee: RpcMethod<undefined> = {
  name: 'eth_blobBaseFee',
  maxParams: 0,
  parse: noParams,
  handle: () => '0x1',
};
