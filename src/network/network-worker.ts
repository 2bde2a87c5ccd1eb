import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../util/errors.ts';
import { createThreadChannel } from '../util/thread-channel.ts';
import { NetworkHost } from './network-host.ts';
import type { HostOptions } from './network-options.ts';

// Entry of the network thread; the port keeps it alive until the core terminates it.
invariant(parentPort !== null, 'network-worker runs in a worker thread');
new NetworkHost(workerData as HostOptions, createThreadChannel(parentPort));
