import { Worker } from 'node:worker_threads';
import { errorMessage } from '../util/errors.ts';
import { createThreadChannel } from '../util/thread-channel.ts';
import { networkError } from './network-errors.ts';
import { type HostHandle, type NetworkModules, NetworkNode } from './network-node.ts';
import type { HostOptions, NetworkOptions } from './network-options.ts';

/** The worker beside this file, in the sources and in the build. */
const WORKER_URL = new URL(import.meta.url.endsWith('.ts') ? './network-worker.ts' : './network-worker.js', import.meta.url);

/**
 * A network node whose host runs in a thread of its own, brought up by `start()`: encryption and slow peers cannot hold
 * up the core. @throws StrobeError INVALID_MULTIADDR
 */
export function createThreadedNetworkNode(options: NetworkOptions, modules: NetworkModules): NetworkNode {
  return new NetworkNode(options, modules, (hostOptions) => openNetworkThread(hostOptions));
}

/** Starts the thread of a host. */
export function openNetworkThread(options: HostOptions, entry: URL = WORKER_URL): HostHandle {
  const worker = new Worker(entry, { workerData: options, name: 'network' });
  const death = Promise.withResolvers<never>();
  let closing = false;
  worker.once('error', (cause) => {
    death.reject(networkError('NETWORK_THREAD_FAILED', `the network thread died: ${errorMessage(cause)}`, {}, cause));
  });
  worker.once('exit', (exitCode) => {
    if (!closing) death.reject(networkError('NETWORK_THREAD_FAILED', `the network thread ended with ${exitCode}`, { exitCode }));
  });
  return {
    channel: createThreadChannel(worker),
    died: death.promise,
    close: async () => {
      closing = true;
      await worker.terminate();
    },
  };
}
