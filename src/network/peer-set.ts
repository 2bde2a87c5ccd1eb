import type { Connection, Libp2p, PeerId } from '@libp2p/interface';

/** Requests for which a peer that failed comes behind those that served; then it has its turn again. */
const FAILURE_TURNS = 8;

/** The connected peers that speak one protocol, as their identification tells, kept up by libp2p's events. */
export class PeerSet {
  readonly #libp2p: Libp2p;
  readonly #peers = new Map<string, PeerId>();
  /** When each peer's next turn is; absent: at once. */
  readonly #turns = new Map<string, number>();
  #turn = 0;

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
        this.#turns.delete(peer.toString());
        onChange();
      },
    });
  }

  /**
   * One open connection to each peer that has one which `suits`, whoever was asked longest ago first: what a peer serves
   * is judged elsewhere, and one that serves nothing of use must not keep the others from being asked. Connections are
   * looked up anew each time, since of two to the same peer either may close.
   */
  inOrder(suits: (connection: Connection) => boolean = () => true): Connection[] {
    const rank = (peer: PeerId): number => this.#turns.get(peer.toString()) ?? 0;
    return [...this.#peers.values()]
      .sort((a, b) => rank(a) - rank(b))
      .flatMap((peer) => this.#libp2p.getConnections(peer).find((one) => one.status === 'open' && suits(one)) ?? []);
  }

  /** An open connection to a peer; undefined when it left or does not speak the protocol. */
  connectionTo(peer: string): Connection | undefined {
    const id = this.#peers.get(peer);
    return id === undefined ? undefined : this.#libp2p.getConnections(id).find((one) => one.status === 'open');
  }

  /** The peer had something to serve: the others come first next time. */
  noteServed(connection: Connection): void {
    this.#setTurn(connection, ++this.#turn);
  }

  noteFailure(connection: Connection): void {
    this.#setTurn(connection, ++this.#turn + FAILURE_TURNS);
  }

  #setTurn(connection: Connection, turn: number): void {
    const peer = connection.remotePeer.toString();
    if (this.#peers.has(peer)) this.#turns.set(peer, turn);
  }
}
