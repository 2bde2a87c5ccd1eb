import { multiaddr } from '@multiformats/multiaddr';
import { type ChainIdentity, protocolPrefix } from '../protocol/genesis.ts';
import type { Bytes } from '../util/bytes.ts';
import { networkError } from './network-errors.ts';
import { DEFAULT_INBOUND_CONNECTIONS_PER_SECOND, DEFAULT_MAX_CONNECTIONS } from './network-limits.ts';
import type { RememberedPeers } from './peer-memory.ts';

export interface NetworkOptions {
  readonly identity: ChainIdentity;
  /** The libp2p private key, see `loadIdentity`. */
  readonly privateKey: Bytes;
  /** Multiaddrs to listen on, such as `/ip4/127.0.0.1/tcp/0`; none: the node only dials. */
  readonly listen: readonly string[];
  /** Multiaddrs that are dialled until connected, and again when the connection is lost; `/p2p/<id>` is optional. */
  readonly bootstrap: readonly string[];
  /** Peer id of the sequencer. Without it only peers that this node dialled itself are taken for the sequencer. */
  readonly sequencerPeer?: string;
  readonly maxConnections?: number;
  /** New connections per second from one host. */
  readonly inboundConnectionsPerSecond?: number;
}

/** What the network host works with: plain data that can be cloned to another thread. */
export interface HostOptions {
  /** Prefix of topics and protocols. */
  readonly prefix: string;
  readonly privateKey: Bytes;
  readonly listen: readonly string[];
  readonly bootstrap: readonly string[];
  readonly sequencerPeer: string | undefined;
  readonly maxConnections: number;
  readonly inboundConnectionsPerSecond: number;
  /** True on the sequencer: it serves the forwarding protocol. */
  readonly servesSequencer: boolean;
  /** How peers stand from before. */
  readonly remembered?: RememberedPeers;
}

/** @throws StrobeError INVALID_MULTIADDR */
export function toHostOptions(options: NetworkOptions, servesSequencer: boolean): HostOptions {
  for (const address of [...options.listen, ...options.bootstrap]) assertMultiaddr(address);
  return {
    prefix: protocolPrefix(options.identity),
    privateKey: new Uint8Array(options.privateKey),
    listen: [...options.listen],
    bootstrap: [...options.bootstrap],
    sequencerPeer: options.sequencerPeer,
    maxConnections: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    inboundConnectionsPerSecond: options.inboundConnectionsPerSecond ?? DEFAULT_INBOUND_CONNECTIONS_PER_SECOND,
    servesSequencer,
  };
}

/** @throws StrobeError INVALID_MULTIADDR */
export function assertMultiaddr(address: string): void {
  try {
    multiaddr(address);
  } catch (cause) {
    throw networkError('INVALID_MULTIADDR', `not a multiaddr: ${address}`, { address }, cause);
  }
}
