import { toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { earliestBlock } from '../read-blocks.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** How far back this node can answer what, for those who choose among nodes. */
export const ethCapabilities: RpcMethod<undefined> = {
  name: 'eth_capabilities',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend }) => {
    const { header, hash } = backend.chain.head();
    const history = { disabled: false, oldestBlock: quantity(await earliestBlock(backend.chain)) };
    return {
      head: { number: quantity(header.number), hash: toHex(hash) },
      state: { disabled: false, oldestBlock: quantity(backend.stateHistory.oldestState()) },
      ...{ tx: history, logs: history, receipts: history, blocks: history },
      // How far back a trie goes depends on how much it changed.
      stateproofs: { disabled: backend.stateProofs === undefined },
    };
  },
};
