import { formatSyncing } from '../format-syncing.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** False when in step, else the progress. */
export const ethSyncing: RpcMethod<undefined> = {
  name: 'eth_syncing',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend }) => {
    const progress = await backend.node.syncing();
    return progress === undefined ? false : formatSyncing(progress);
  },
};
