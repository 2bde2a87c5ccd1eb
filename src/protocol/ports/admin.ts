import type { PeerConnection, PeerStanding } from './network.ts';

/** A peer with what only the node's operator may know of it. */
export interface AdminPeer extends PeerStanding {
  readonly connections: readonly PeerConnection[];
}

/** What an operator may ask of a running node, and change. */
export interface NodeAdmin {
  /** JSON-safe. */
  nodeInfo(): Promise<Readonly<Record<string, unknown>>>;
  peers(): Promise<readonly AdminPeer[]>;
  /** Dials a peer and keeps it connected; false: too many are already. @throws StrobeError INVALID_MULTIADDR */
  addPeer(address: string): Promise<boolean>;
  /** Disconnects a peer and dials it no more; false when it was neither connected nor dialled. */
  removePeer(peer: string): Promise<boolean>;
  logLevel(): string;
  /** True when there is such a level. */
  setLogLevel(level: string): boolean;
}
