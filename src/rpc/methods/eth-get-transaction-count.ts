import type { Address } from '../../protocol/primitives.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readState } from '../state-at-block.ts';

/** The next nonce; with the tag `pending` the pool's transactions are counted. */
export const ethGetTransactionCount: RpcMethod<{ address: Address; block: BlockParam }> = {
  name: 'eth_getTransactionCount',
  maxParams: 2,
  parse: ([address, block]) => ({ address: readAddress(address, 'address'), block: readBlockParam(block) }),
  handle: async ({ address, block }, { backend }) => {
    if (block.kind === 'tag' && block.tag === 'pending') {
      return quantity(await backend.transactions.pendingNonce(address));
    }
    return readState(block, backend, (state) => quantity(state.getAccount(address)?.nonce ?? 0n));
  },
};
