import { createChannelPair } from '../util/thread-channel.ts';
import { NetworkHost } from './network-host.ts';
import { type NetworkModules, NetworkNode } from './network-node.ts';
import type { NetworkOptions } from './network-options.ts';

/** A network node whose host runs on the calling thread. @throws StrobeError INVALID_MULTIADDR */
export function createNetworkNode(options: NetworkOptions, modules: NetworkModules): NetworkNode {
  return new NetworkNode(options, modules, (hostOptions) => {
    const [coreEnd, hostEnd] = createChannelPair();
    // The channel holds the host: it lives as long as the node talks to it.
    new NetworkHost(hostOptions, hostEnd);
    return { channel: coreEnd, died: Promise.withResolvers<never>().promise, close: async () => {} };
  });
}
