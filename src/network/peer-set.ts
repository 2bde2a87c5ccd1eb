import type { Connection, Libp2p, PeerId } from '@libp2p/interface';

/** The connected peers that speak one protocol, as their identification tells, kept up by libp2p's events. */
export class PeerSet {
  readonly #libp2p: Libp2p;
  readonly #peers = new Map<string, PeerId>();
  readonly #failedAt = new Map<string, number>();
  #failures = 0;

  constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p;
  }

  /** Follows `protocol`; to be called before libp2p starts. */
  async watch(protocol: string, onChange: () => void = () => {}): Promise<void> {
    await this.#libp2p.register(protocol, {
      onConnect: (peer) => {
        this.#peers.set(peer.toString(), peer);
        onChange();
      },
      onDisconnect: (peer) => {
        this.#peers.delete(peer.toString());
        this.#failedAt.delete(peer.toString());
        onChange();
      },
    });
  }

  /**
   * One open connection to each peer that has one which `suits`: those that never failed first, then the least recently
   * failed. Connections are looked up anew each time, since of two to the same peer either may close.
   */
  inOrder(suits: (connection: Connection) => boolean = () => true): Connection[] {
    const rank = (peer: PeerId): number => this.#failedAt.get(peer.toString()) ?? 0;
    return [...this.#peers.values()]
      .sort((a, b) => rank(a) - rank(b))
      .flatMap((peer) => this.#libp2p.getConnections(peer).find((one) => one.status === 'open' && suits(one)) ?? []);
  }

  noteFailure(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    if (this.#peers.has(peer)) this.#failedAt.set(peer, ++this.#failures);
  }
}
