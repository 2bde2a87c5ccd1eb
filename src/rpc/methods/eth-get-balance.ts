import type { Address } from '../../protocol/primitives.ts';
import { type BlockParam, readBlockParam, requireNewestState } from '../block-param.ts';
import { quantity } from '../quantity.ts';
import { readAddress } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

export const ethGetBalance: RpcMethod<{ address: Address; block: BlockParam }> = {
  name: 'eth_getBalance',
  maxParams: 2,
  parse: ([address, block]) => ({ address: readAddress(address, 'address'), block: readBlockParam(block) }),
  handle: async ({ address, block }, { backend }) => {
    await requireNewestState(block, backend.chain);
    return quantity(backend.state.getAccount(address)?.balance ?? 0n);
  },
};
