import type { Libp2p, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { errorMessage } from '../util/errors.ts';
import { DIAL_BACKOFF_MAX_MS, DIAL_BACKOFF_MIN_MS, DIAL_TIMEOUT_MS } from './network-limits.ts';

export interface BootstrapDialerModules {
  readonly libp2p: Libp2p;
  readonly onFailure: (address: string, reason: string) => void;
}

/** Keeps the node connected to its bootstrap peers: dials with growing, jittered waits, and again after each loss. */
export class BootstrapDialer {
  readonly #addresses: readonly string[];
  readonly #modules: BootstrapDialerModules;
  readonly #abort = new AbortController();
  #loops: readonly Promise<void>[] = [];

  constructor(options: { readonly bootstrap: readonly string[] }, modules: BootstrapDialerModules) {
    this.#addresses = options.bootstrap;
    this.#modules = modules;
  }

  start(): void {
    const self = this.#modules.libp2p.peerId.toString();
    // A shared list of bootstrap peers may name this node itself.
    const others = this.#addresses.filter((address) => !address.endsWith(`/p2p/${self}`));
    this.#loops = others.map((address) => this.#keepConnected(address));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  async #keepConnected(address: string): Promise<void> {
    let failures = 0;
    while (!this.#abort.signal.aborted) {
      const peer = await this.#dial(address, failures);
      if (peer === undefined) {
        failures++;
      } else {
        failures = 0;
        await this.#disconnected(peer);
      }
      await this.#pause(backoffMs(failures));
    }
  }

  async #dial(address: string, failures: number): Promise<PeerId | undefined> {
    try {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
      return (await this.#modules.libp2p.dial(multiaddr(address), { signal })).remotePeer;
    } catch (error) {
      // Once per outage: a peer that is away for an hour must not fill the log.
      if (failures === 0 && !this.#abort.signal.aborted) this.#modules.onFailure(address, errorMessage(error));
      return undefined;
    }
  }

  /** Resolves when the last connection to `peer` is gone, or at once when it is gone already. */
  #disconnected(peer: PeerId): Promise<void> {
    const { libp2p } = this.#modules;
    return new Promise((resolve) => {
      const settle = (): void => {
        libp2p.removeEventListener('peer:disconnect', onDisconnect);
        this.#abort.signal.removeEventListener('abort', settle);
        resolve();
      };
      const onDisconnect = (event: CustomEvent<PeerId>): void => {
        if (event.detail.equals(peer)) settle();
      };
      libp2p.addEventListener('peer:disconnect', onDisconnect);
      this.#abort.signal.addEventListener('abort', settle);
      if (libp2p.getConnections(peer).length === 0 || this.#abort.signal.aborted) settle();
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#abort.signal.removeEventListener('abort', settle);
        resolve();
      };
      const timer = setTimeout(settle, ms);
      this.#abort.signal.addEventListener('abort', settle);
      if (this.#abort.signal.aborted) settle();
    });
  }
}

/** Doubles from the minimum to the maximum, ±20 % so that replicas do not return in step. */
function backoffMs(failures: number): number {
  const base = Math.min(DIAL_BACKOFF_MAX_MS, DIAL_BACKOFF_MIN_MS * 2 ** Math.min(failures, 8));
  return base * (0.8 + Math.random() * 0.4);
}
