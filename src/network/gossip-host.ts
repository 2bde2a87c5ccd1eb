import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub';
import type { Libp2p, PeerId } from '@libp2p/interface';
import { MAX_GOSSIP_BYTES } from '../protocol/limits.ts';
import { TOPICS, type Topic } from '../protocol/ports/network.ts';
import type { Verdict } from '../protocol/verdict.ts';
import type { Bytes } from '../util/bytes.ts';
import type { ThreadRpc } from '../util/thread-rpc.ts';
import type { FloodGuard } from './flood-guard.ts';
import { topicName } from './gossip-parameters.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import {
  MAX_VALIDATION_BACKLOG_BYTES,
  MAX_VALIDATION_BACKLOG_PER_PEER,
  MAX_VALIDATION_BACKLOG_PER_PEER_BYTES,
} from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';

/** What the service has beside its declared interface. */
interface GossipInternals {
  /** Peers that gossip knows, and the streams on which it writes to them, by peer id. */
  readonly peers: ReadonlyMap<string, PeerId>;
  readonly streamsOutbound: ReadonlyMap<string, unknown>;
}

export interface GossipHostModules {
  readonly libp2p: Libp2p;
  readonly pubsub: GossipSub;
  readonly core: ThreadRpc<HostApi, CoreApi>;
  readonly guard: PeerGuard;
  readonly flood: FloodGuard;
  /** Disconnects a peer at once. */
  readonly drop: (peer: PeerId, reason: string) => void;
}

const RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const satisfies Record<Verdict['kind'], TopicValidatorResult>;

/** Messages of a peer that wait for their verdict. */
interface Backlog {
  readonly messages: number;
  readonly bytes: number;
}

/** Gossip on the network side: every received message waits for the core's verdict before it is passed on. */
export class GossipHost {
  readonly #prefix: string;
  readonly #modules: GossipHostModules;
  readonly #subscribed = new Set<Topic>();
  /** Peers that subscribed to something; true: without a gossip stream at the last heartbeat. */
  readonly #gossiping = new Map<string, boolean>();
  readonly #backlog = new Map<string, Backlog>();
  #backlogBytes = 0;

  constructor(options: { readonly prefix: string }, modules: GossipHostModules) {
    this.#prefix = options.prefix;
    this.#modules = modules;
  }

  /** To be called before libp2p starts: no message may pass without its validator. */
  start(): void {
    const { pubsub, libp2p } = this.#modules;
    for (const topic of TOPICS) {
      pubsub.topicValidators.set(topicName(this.#prefix, topic), (peer, message) =>
        this.#validate(topic, message.data, peer.toString()),
      );
    }
    pubsub.addEventListener('subscription-change', (event) => {
      const peer = event.detail.peerId.toString();
      if (!this.#gossiping.has(peer)) this.#gossiping.set(peer, false);
    });
    pubsub.addEventListener('gossipsub:heartbeat', () => this.#dropDeafPeers());
    libp2p.addEventListener('peer:disconnect', (event) => this.#gossiping.delete(event.detail.toString()));
  }

  subscribe(topic: Topic): void {
    this.#subscribed.add(topic);
    this.#modules.pubsub.subscribe(topicName(this.#prefix, topic));
  }

  async publish(topic: Topic, message: Bytes): Promise<void> {
    await this.#modules.pubsub.publish(topicName(this.#prefix, topic), message);
  }

  async #validate(topic: Topic, message: Bytes, peer: string): Promise<TopicValidatorResult> {
    const { guard, flood, core } = this.#modules;
    if (guard.isBanned(peer) || !flood.allowGossip(peer, message.length)) return TopicValidatorResult.Ignore;
    if (!this.#subscribed.has(topic)) return this.#offence(peer, 'NOT_SUBSCRIBED');
    if (message.length > MAX_GOSSIP_BYTES) return this.#offence(peer, 'GOSSIP_MESSAGE_TOO_LARGE');
    if (!this.#enterBacklog(peer, message.length)) {
      flood.noteUseless(peer);
      return TopicValidatorResult.Ignore;
    }
    try {
      const verdict = await core.call('validate', topic, message, peer);
      if (verdict.kind === 'ignore') flood.noteUseless(peer);
      return verdict.kind === 'reject' ? this.#offence(peer, verdict.code) : RESULTS[verdict.kind];
    } finally {
      this.#leaveBacklog(peer, message.length);
    }
  }

  #offence(peer: string, code: string): TopicValidatorResult {
    this.#modules.guard.offend(peer, code);
    return TopicValidatorResult.Reject;
  }

  #enterBacklog(peer: string, bytes: number): boolean {
    const own = this.#backlog.get(peer) ?? { messages: 0, bytes: 0 };
    if (own.messages >= MAX_VALIDATION_BACKLOG_PER_PEER || own.bytes + bytes > MAX_VALIDATION_BACKLOG_PER_PEER_BYTES)
      return false;
    if (this.#backlogBytes + bytes > MAX_VALIDATION_BACKLOG_BYTES) return false;
    this.#backlog.set(peer, { messages: own.messages + 1, bytes: own.bytes + bytes });
    this.#backlogBytes += bytes;
    return true;
  }

  #leaveBacklog(peer: string, bytes: number): void {
    const own = this.#backlog.get(peer);
    if (own !== undefined && own.messages > 1) this.#backlog.set(peer, { messages: own.messages - 1, bytes: own.bytes - bytes });
    else this.#backlog.delete(peer);
    this.#backlogBytes -= bytes;
  }

  /**
   * Gossipsub aborts the stream of a peer whose backlog is full, or that sends an oversized frame, and then keeps it in
   * the mesh without a word. A cut connection tells that peer to resync by range.
   */
  #dropDeafPeers(): void {
    const { peers, streamsOutbound } = this.#modules.pubsub as GossipSub & GossipInternals;
    for (const peer of this.#modules.libp2p.getPeers()) {
      const id = peer.toString();
      const missedBefore = this.#gossiping.get(id);
      if (missedBefore === undefined) continue;
      const missing = !peers.has(id) || !streamsOutbound.has(id);
      // Once is no proof: the stream of a new peer may still be opening.
      if (missing && missedBefore) this.#modules.drop(peer, 'its gossip stream broke: too slow, or a frame too large');
      this.#gossiping.set(id, missing);
    }
  }
}
