import { createHash } from 'node:crypto';
import { type GossipsubOpts, type Message, StrictNoSign } from '@libp2p/gossipsub';
import { TOPICS, type Topic } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { MAX_GOSSIP_BACKLOG_PER_PEER_BYTES, MAX_GOSSIP_FRAME_BYTES, OFFENCES_BEFORE_BAN } from './network-limits.ts';

/** Full name of a topic on the wire. */
export const topicName = (prefix: string, topic: Topic): string => `${prefix}/${topic}`;

/** Bytes of the message id: collisions of a 160-bit hash are out of reach, and ids travel in control messages. */
const MESSAGE_ID_BYTES = 20;

/**
 * Time in which a repeated message is dropped unseen, also one of our own, ms; later ones cost a validation, which knows
 * them as old. Well below the minute for which provers repeat an attestation that nobody may have got.
 */
const SEEN_TTL_MS = 15_000;

/** Mesh upkeep, ms. Publishing does not wait for it; a new relay peer may have to. */
const HEARTBEAT_INTERVAL_MS = 500;

/** Messages from this size are announced to the mesh on arrival, so that several peers do not send them all. */
const DUPLICATE_GUARD_BYTES = 16 * 1024;

/** Invalid messages count squared; five of them (the ban limit) reach gossipsub's graylist threshold of -80. */
const INVALID_MESSAGE_WEIGHT = -100 / OFFENCES_BEFORE_BAN ** 2;

/** Time that gossip keeps the score of a peer that left, ms: peer ids are free, so the table must not grow for long. */
const RETAIN_SCORE_MS = 600_000;

/** Entries of one control message: three heartbeats of messages with room to spare. */
const MAX_CONTROL_ENTRIES = 1_024;

/** How gossipsub is set up for one chain. `offences` feeds misbehaviour elsewhere into the gossip score. */
export function gossipParameters(prefix: string, offences: (peer: string) => number): Partial<GossipsubOpts> {
  const names = TOPICS.map((topic) => topicName(prefix, topic));
  return {
    // Messages carry their own signatures; gossip's would only add bytes and time.
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: messageId,
    allowedTopics: names,
    // Our own messages go to every subscriber at once, one encoding for all; relays use the mesh.
    floodPublish: true,
    batchPublish: true,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    doPX: false,
    seenTTL: SEEN_TTL_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    idontwantMinDataSize: DUPLICATE_GUARD_BYTES,
    maxInboundDataLength: MAX_GOSSIP_FRAME_BYTES,
    maxOutboundBufferSize: MAX_GOSSIP_BACKLOG_PER_PEER_BYTES,
    decodeRpcLimits: {
      maxSubscriptions: TOPICS.length * 4,
      maxMessages: MAX_CONTROL_ENTRIES,
      maxIhaveMessageIDs: MAX_CONTROL_ENTRIES,
      maxIwantMessageIDs: MAX_CONTROL_ENTRIES,
      maxIdontwantMessageIDs: MAX_CONTROL_ENTRIES,
      maxControlMessages: MAX_CONTROL_ENTRIES,
      maxPeerInfos: 0,
    },
    scoreParams: {
      topics: Object.fromEntries(names.map((name) => [name, topicScore])),
      // One point each: with the squares above, a peer is banned before gossip graylists it and stops counting.
      appSpecificScore: (peer) => -offences(peer),
      appSpecificWeight: 1,
      // Replicas share hosts (a devnet, a NAT); connection limits hold floods off instead.
      IPColocationFactorWeight: 0,
      retainScore: RETAIN_SCORE_MS,
    },
  };
}

/** Only invalid messages count: delivery rates say nothing on a chain that is silent when nobody transacts. */
const topicScore = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: INVALID_MESSAGE_WEIGHT,
  invalidMessageDeliveriesDecay: 0.99,
};

function messageId(message: Message): Bytes {
  return createHash('sha256').update(message.topic).update(message.data).digest().subarray(0, MESSAGE_ID_BYTES);
}
