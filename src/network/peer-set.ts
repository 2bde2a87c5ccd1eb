import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { MAX_TRACKED_PEERS } from './network-limits.ts';

/** Requests for which a peer that failed comes behind those that served; then it has its turn again. */
const FAILURE_TURNS = 8;

/** They double with each failure in a row, so often: a peer that always fails is asked once in some 500 requests. */
const MAX_DOUBLINGS = 6;

/** When a peer is asked. */
interface Turn {
  /** Lower comes first. */
  readonly at: number;
  /** Its last answer was of use. */
  readonly isProven: boolean;
}

/** The connected peers that speak one protocol, as their identification tells, kept up by libp2p's events. */
export class PeerSet {
  readonly #libp2p: Libp2p;
  readonly #peers = new Map<string, PeerId>();
  /** Also of peers that left: who comes back is not new. */
  readonly #turns = new Map<string, Turn>();
  #turn = 0;

  constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p;
  }

  /** Follows `protocol`; to be called before libp2p starts. */
  async watch(protocol: string, onChange: () => void = () => {}): Promise<void> {
    await this.#libp2p.register(protocol, {
      onConnect: (peer) => {
        const id = peer.toString();
        this.#peers.set(id, peer);
        // Behind whoever waits already: peer ids are free, and nobody gets ahead by taking a new one.
        if (!this.#turns.has(id)) this.#setTurn(id, { at: this.#turn, isProven: false });
        onChange();
      },
      onDisconnect: (peer) => {
        this.#peers.delete(peer.toString());
        onChange();
      },
    });
  }

  /**
   * One open connection to each peer that has one which `suits`, whoever was asked longest ago first: what a peer serves
   * is judged elsewhere, and one that serves nothing of use must not keep the others from being asked. Should the first
   * fail, those that were of use come next, so that one request meets as few others as possible; of equals the one that
   * this node dialled. Connections are looked up anew each time, since of two to the same peer either may close.
   */
  inOrder(suits: (connection: Connection) => boolean = () => true): Connection[] {
    const waiting = [...this.#peers.values()].flatMap((peer) => {
      const connection = this.#libp2p.getConnections(peer).find((one) => one.status === 'open' && suits(one));
      const turn = this.#turns.get(peer.toString());
      return connection === undefined ? [] : [{ connection, at: turn?.at ?? this.#turn, isProven: turn?.isProven ?? false }];
    });
    const isInbound = ({ direction }: Connection): number => Number(direction === 'inbound');
    waiting.sort((a, b) => a.at - b.at || isInbound(a.connection) - isInbound(b.connection));
    const [first, ...others] = waiting;
    if (first === undefined) return [];
    return [first, ...others.filter((one) => one.isProven), ...others.filter((one) => !one.isProven)].map(
      (one) => one.connection,
    );
  }

  /** An open connection to a peer; undefined when it left or does not speak the protocol. */
  connectionTo(peer: string): Connection | undefined {
    const id = this.#peers.get(peer);
    return id === undefined ? undefined : this.#libp2p.getConnections(id).find((one) => one.status === 'open');
  }

  /** The peer had something to serve: the others come first next time. */
  noteServed(connection: Connection): void {
    this.#setTurn(connection.remotePeer.toString(), { at: ++this.#turn, isProven: true });
  }

  /** @param failures how many in a row */
  noteFailure(connection: Connection, failures: number): void {
    const turns = FAILURE_TURNS * 2 ** Math.min(failures - 1, MAX_DOUBLINGS);
    this.#setTurn(connection.remotePeer.toString(), { at: ++this.#turn + turns, isProven: false });
  }

  #setTurn(peer: string, turn: Turn): void {
    this.#turns.delete(peer);
    this.#turns.set(peer, turn);
    for (const oldest of this.#turns.keys()) {
      if (this.#turns.size <= MAX_TRACKED_PEERS) return;
      if (!this.#peers.has(oldest)) this.#turns.delete(oldest);
    }
  }
}
