import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** The network id, in decimal; it is the chain id. */
export const netVersion: RpcMethod<undefined> = {
  name: 'net_version',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => String(backend.chain.chainId),
};

export const netListening: RpcMethod<undefined> = {
  name: 'net_listening',
  maxParams: 0,
  parse: noParams,
  handle: () => true,
};

export const netPeerCount: RpcMethod<undefined> = {
  name: 'net_peerCount',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend }) => quantity(await backend.node.peerCount()),
};
