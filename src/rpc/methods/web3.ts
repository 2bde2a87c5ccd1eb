import type { Bytes } from '../../util/bytes.ts';
import { toHex } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import { readData } from '../read-params.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

export const web3ClientVersion: RpcMethod<undefined> = {
  name: 'web3_clientVersion',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => `strobe/v${backend.node.version}/${process.platform}-${process.arch}/node${process.versions.node}`,
};

/** keccak-256 of the data, the name is older than the standard. */
export const web3Sha3: RpcMethod<{ data: Bytes }> = {
  name: 'web3_sha3',
  maxParams: 1,
  parse: ([data]) => ({ data: readData(data, 'data') }),
  handle: ({ data }) => toHex(keccak256(data)),
};
