import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { gossipParameters } from './gossip-parameters.ts';
import {
  DIAL_TIMEOUT_MS,
  MAX_PENDING_INBOUND_CONNECTIONS,
  MAX_READ_BUFFER_BYTES,
  MAX_STREAM_WINDOW_BYTES,
  MAX_STREAMS_PER_CONNECTION,
} from './network-limits.ts';
import type { HostOptions } from './network-options.ts';
import type { PeerGuard } from './peer-guard.ts';

export type HostLibp2p = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

/** A libp2p node that is not started yet: TCP, Noise, Yamux, identify and gossip, with this module's limits. */
export async function createHostLibp2p(options: HostOptions, guard: PeerGuard): Promise<HostLibp2p> {
  return await createLibp2p({
    start: false,
    privateKey: privateKeyFromProtobuf(options.privateKey),
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
        streamOptions: {
          maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES,
          maxReadBufferLength: MAX_READ_BUFFER_BYTES,
        },
      }),
    ],
    connectionManager: {
      maxConnections: options.maxConnections,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND_CONNECTIONS,
      inboundConnectionThreshold: options.inboundConnectionsPerSecond,
      dialTimeout: DIAL_TIMEOUT_MS,
      // The bootstrap dialer reconnects; libp2p's own queue would compete with it.
      reconnectRetries: 0,
    },
    connectionGater: {
      denyDialPeer: (peer) => guard.isBanned(peer.toString()),
      denyInboundEncryptedConnection: (peer) => guard.isBanned(peer.toString()),
      denyOutboundEncryptedConnection: (peer) => guard.isBanned(peer.toString()),
    },
    services: {
      identify: identify(),
      pubsub: gossipsub(gossipParameters(options.prefix, (peer) => guard.offences(peer))),
    },
  });
}
