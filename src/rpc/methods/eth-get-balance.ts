import type { Address } from '../../protocol/primitives.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readState } from '../state-at-block.ts';

export const ethGetBalance: RpcMethod<{ address: Address; block: BlockParam }> = {
  name: 'eth_getBalance',
  maxParams: 2,
  parse: ([address, block]) => ({ address: readAddress(address, 'address'), block: readBlockParam(block) }),
  handle: ({ address, block }, { backend }) =>
    readState(block, backend, (state) => quantity(state.getAccount(address)?.balance ?? 0n)),
};
