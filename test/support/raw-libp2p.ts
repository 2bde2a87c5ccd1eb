import { generateKeyPair } from '@libp2p/crypto/keys';
import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { Bytes } from '../../src/util/bytes.ts';

export type RawLibp2p = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

/** By protocol name. */
export type RawHandlers = Readonly<Record<string, (stream: Stream) => void | Promise<void>>>;

/** Plain libp2p with a key of its own, started: it can break every rule of ours, and limits neither what it sends nor what it gets. */
export async function startRawLibp2p(listen: string, handlers: RawHandlers): Promise<RawLibp2p> {
  const libp2p = await createLibp2p({
    start: false,
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: [listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ globalSignaturePolicy: StrictNoSign, fallbackToFloodsub: false, allowPublishToZeroTopicPeers: true }),
    },
  });
  for (const [protocol, handler] of Object.entries(handlers)) await libp2p.handle(protocol, handler);
  await libp2p.start();
  return libp2p;
}

/** A frame as our streams have them: a big-endian u32 length, honest unless it is given, and the payload. */
export function framed(payload: Bytes, claimedLength: number = payload.length): Bytes {
  const out = new Uint8Array(4 + payload.length);
  new DataView(out.buffer).setUint32(0, claimedLength);
  out.set(payload, 4);
  return out;
}
