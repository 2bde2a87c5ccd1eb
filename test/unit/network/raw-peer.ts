import { generateKeyPair } from '@libp2p/crypto/keys';
import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { protocolPrefix } from '../../../src/protocol/genesis.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { IDENTITY, LOOPBACK } from './network-fixture.ts';

export const PREFIX = protocolPrefix(IDENTITY);

export type RawLibp2p = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

/** A peer under the test's control: plain libp2p, so that it can break every rule of ours. */
export interface RawPeer extends AsyncDisposable {
  readonly libp2p: RawLibp2p;
  readonly id: string;
  readonly address: string;
  dial(address: string): Promise<Connection>;
}

export async function startRawPeer(
  handlers: Readonly<Record<string, (stream: Stream) => void | Promise<void>>> = {},
): Promise<RawPeer> {
  const libp2p = await createLibp2p({
    start: false,
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: [LOOPBACK] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      // No limit on what it sends or is sent.
      pubsub: gossipsub({ globalSignaturePolicy: StrictNoSign, fallbackToFloodsub: false, allowPublishToZeroTopicPeers: true }),
    },
  });
  for (const [protocol, handler] of Object.entries(handlers)) await libp2p.handle(`${PREFIX}/${protocol}/1`, handler);
  await libp2p.start();
  return {
    libp2p,
    id: libp2p.peerId.toString(),
    address: libp2p.getMultiaddrs()[0]?.toString() as string,
    dial: (address) => libp2p.dial(multiaddr(address)),
    [Symbol.asyncDispose]: async () => {
      await libp2p.stop();
    },
  };
}

/** A frame with an honest length. */
export function framed(payload: Bytes, claimedLength: number = payload.length): Bytes {
  const out = new Uint8Array(4 + payload.length);
  new DataView(out.buffer).setUint32(0, claimedLength);
  out.set(payload, 4);
  return out;
}
