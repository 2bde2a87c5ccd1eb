import type { Libp2p, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { errorMessage } from '../util/errors.ts';
import { DIAL_BACKOFF_MAX_MS, DIAL_BACKOFF_MIN_MS, DIAL_TIMEOUT_MS, MAX_KEPT_ADDRESSES } from './network-limits.ts';

export interface BootstrapDialerModules {
  readonly libp2p: Libp2p;
  readonly onFailure: (address: string, reason: string) => void;
}

/** An address that is kept connected. */
interface KeptAddress {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Keeps the node connected to its bootstrap peers: dials with growing, jittered waits, and again after each loss. */
export class BootstrapDialer {
  readonly #addresses: readonly string[];
  readonly #modules: BootstrapDialerModules;
  readonly #kept = new Map<string, KeptAddress>();
  /** Who answered at an address last. */
  readonly #peers = new Map<string, PeerId>();

  constructor(options: { readonly bootstrap: readonly string[] }, modules: BootstrapDialerModules) {
    this.#addresses = options.bootstrap;
    this.#modules = modules;
  }

  start(): void {
    for (const address of this.#addresses) this.add(address);
  }

  /** Another address to keep connected; false when there are too many, or it is this node's own. */
  add(address: string): boolean {
    const self = this.#modules.libp2p.peerId.toString();
    // A shared list of bootstrap peers may name this node itself.
    if (address.endsWith(`/p2p/${self}`)) return false;
    if (this.#kept.has(address)) return true;
    if (this.#kept.size >= MAX_KEPT_ADDRESSES) return false;
    const abort = new AbortController();
    this.#kept.set(address, { abort, done: this.#keepConnected(address, abort.signal) });
    return true;
  }

  /** Dials a peer no more; false when none of the addresses leads to it. */
  async remove(peer: string): Promise<boolean> {
    const addresses = [...this.#kept.keys()].filter(
      (address) => address.endsWith(`/p2p/${peer}`) || this.#peers.get(address)?.toString() === peer,
    );
    await Promise.all(addresses.map((address) => this.#end(address)));
    return addresses.length > 0;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((address) => this.#end(address)));
  }

  async #end(address: string): Promise<void> {
    const kept = this.#kept.get(address);
    this.#kept.delete(address);
    this.#peers.delete(address);
    kept?.abort.abort();
    await kept?.done;
  }

  async #keepConnected(address: string, ended: AbortSignal): Promise<void> {
    let failures = 0;
    while (!ended.aborted) {
      const peer = await this.#dial(address, failures, ended);
      if (peer === undefined) {
        failures++;
      } else {
        failures = 0;
        if (!ended.aborted) this.#peers.set(address, peer);
        await this.#disconnected(peer, ended);
      }
      await pause(backoffMs(failures), ended);
    }
  }

  async #dial(address: string, failures: number, ended: AbortSignal): Promise<PeerId | undefined> {
    try {
      const signal = AbortSignal.any([ended, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
      return (await this.#modules.libp2p.dial(multiaddr(address), { signal })).remotePeer;
    } catch (error) {
      // Once per outage: a peer that is away for an hour must not fill the log.
      if (failures === 0 && !ended.aborted) this.#modules.onFailure(address, errorMessage(error));
      return undefined;
    }
  }

  /** Resolves when the last connection to `peer` is gone, or at once when it is gone already. */
  #disconnected(peer: PeerId, ended: AbortSignal): Promise<void> {
    const { libp2p } = this.#modules;
    return new Promise((resolve) => {
      const settle = (): void => {
        libp2p.removeEventListener('peer:disconnect', onDisconnect);
        ended.removeEventListener('abort', settle);
        resolve();
      };
      const onDisconnect = (event: CustomEvent<PeerId>): void => {
        if (event.detail.equals(peer)) settle();
      };
      libp2p.addEventListener('peer:disconnect', onDisconnect);
      ended.addEventListener('abort', settle);
      if (libp2p.getConnections(peer).length === 0 || ended.aborted) settle();
    });
  }
}

function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      ended.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    ended.addEventListener('abort', settle);
    if (ended.aborted) settle();
  });
}

/** Doubles from the minimum to the maximum, ±20 % so that replicas do not return in step. */
function backoffMs(failures: number): number {
  const base = Math.min(DIAL_BACKOFF_MAX_MS, DIAL_BACKOFF_MIN_MS * 2 ** Math.min(failures, 8));
  return base * (0.8 + Math.random() * 0.4);
}
