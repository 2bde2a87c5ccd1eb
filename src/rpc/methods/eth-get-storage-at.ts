import type { Address, Hash } from '../../protocol/primitives.ts';
import { toHex } from '../../util/bytes.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress, readStorageKey } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readState } from '../state-at-block.ts';

export const ethGetStorageAt: RpcMethod<{ address: Address; key: Hash; block: BlockParam }> = {
  name: 'eth_getStorageAt',
  maxParams: 3,
  parse: ([address, key, block]) => ({
    address: readAddress(address, 'address'),
    key: readStorageKey(key, 'slot'),
    block: readBlockParam(block),
  }),
  handle: ({ address, key, block }, { backend }) => readState(block, backend, (state) => toHex(state.getStorage(address, key))),
};
