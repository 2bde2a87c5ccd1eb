import { errorMessage, type StrobeError } from '../util/errors.ts';
import { workerUrl } from '../util/thread.ts';
import { startWorkerHost, type WorkerHost } from '../util/worker-host.ts';
import { networkError } from './network-errors.ts';
import { type NetworkModules, NetworkNode } from './network-node.ts';
import type { HostOptions, NetworkOptions } from './network-options.ts';

/**
 * A network node whose host runs in a thread of its own, brought up by `start()`: encryption and slow peers cannot hold
 * up the core. @throws StrobeError INVALID_MULTIADDR
 */
export function createThreadedNetworkNode(options: NetworkOptions, modules: NetworkModules): NetworkNode {
  return new NetworkNode(options, modules, (hostOptions) => openNetworkThread(hostOptions));
}

/** Starts the thread of a host. */
export function openNetworkThread(options: HostOptions, entry: URL = workerUrl('network-worker', import.meta.url)): WorkerHost {
  const failure = (cause: unknown, exitCode?: number): StrobeError =>
    exitCode === undefined
      ? networkError('NETWORK_THREAD_FAILED', `the network thread died: ${errorMessage(cause)}`, {}, cause)
      : networkError('NETWORK_THREAD_FAILED', `the network thread ended with ${exitCode}`, { exitCode });
  return startWorkerHost(entry, { name: 'network', data: options, failure });
}
