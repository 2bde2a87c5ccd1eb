import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { MAX_GOSSIP_BYTES } from '../protocol/limits.ts';
import type {
  AnswerFault,
  Gossip,
  MessageValidator,
  PeerConnection,
  PeerReader,
  PeerSource,
  PeerStanding,
  SequencerLink,
  SequencerService,
  SnapshotPeers,
  SyncOffers,
  Topic,
} from '../protocol/ports/network.ts';
import { reject, type Verdict } from '../protocol/verdict.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, isStrobeError, type StrobeError, toStrobeError } from '../util/errors.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import type { WorkerHost } from '../util/worker-host.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import { networkError, stoppedError } from './network-errors.ts';
import { HOST_STOP_TIMEOUT_MS, MAX_PUBLISH_BACKLOG_BYTES } from './network-limits.ts';
import { type NetworkMetrics, NO_NETWORK_METRICS, type PeerEvent } from './network-metrics.ts';
import { type HostOptions, type NetworkOptions, toHostOptions } from './network-options.ts';
import type { PeerMemory } from './peer-memory.ts';
import { PendingHandover } from './pending-handover.ts';
import { PendingListeners } from './pending-listeners.ts';

export interface NetworkModules {
  /** What this node serves to its peers. */
  readonly source: PeerSource;
  /** On the sequencer only: what it does for replicas. */
  readonly sequencer?: SequencerService;
  readonly metrics?: NetworkMetrics;
  /** For log lines; called on the core thread. */
  readonly onPeerEvent?: (event: PeerEvent) => void;
  /** Outlives this node: how peers stood at its stop is how they stand at its successor's start. */
  readonly memory?: PeerMemory;
}

const NO_OFFERS: SyncOffers = { logFirst: undefined, snapshots: [] };

interface Subscription {
  readonly validator: MessageValidator;
  readonly handler: (message: Bytes, peer: string) => void;
}

/**
 * The node's access to the network, on the core thread. The ports are usable before `start`: topics are joined when it
 * starts, reads and requests fail with NETWORK_STOPPED or SEQUENCER_UNREACHABLE while it is not running.
 */
export class NetworkNode {
  readonly gossip: Gossip;
  readonly peers: PeerReader;
  readonly snapshots: SnapshotPeers;
  /** On a replica: forwards to the sequencer. */
  readonly sequencerLink: SequencerLink;
  /** Rejects when the network dies under a running node (never resolves): a node cannot go on without it. */
  readonly failed: Promise<never>;
  readonly #options: HostOptions;
  readonly #modules: NetworkModules;
  readonly #metrics: NetworkMetrics;
  readonly #openHost: (options: HostOptions) => WorkerHost;
  readonly #subscriptions = new Map<Topic, Subscription>();
  readonly #reportFailure: (error: StrobeError) => void;
  #host: WorkerHost | undefined;
  #rpc: ThreadRpc<CoreApi, HostApi> | undefined;
  #addresses: readonly string[] = [];
  #peerCount = 0;
  #publishBacklogBytes = 0;
  /** Names of answers, by which the host knows whose they were. */
  readonly #tickets = new WeakMap<object, number>();
  #lastTicket = 0;
  /** On a replica: who wants to see new transactions. */
  readonly #pending = new PendingListeners({ onWanted: (isWanted) => this.#watchPool(isWanted) });
  /** On the sequencer: new transactions for the host, and what ends their flow. One for good: its bound is over all of them. */
  readonly #handover = new PendingHandover({
    send: async (pooled) => await this.#require().call('pushPending', pooled),
    onSkipped: (count) => this.#metrics.recordPendingSkipped(count),
  });
  #stopPending: (() => void) | undefined;

  /** @throws StrobeError INVALID_MULTIADDR */
  constructor(options: NetworkOptions, modules: NetworkModules, openHost: (options: HostOptions) => WorkerHost) {
    this.#options = toHostOptions(options, modules.sequencer !== undefined);
    this.#modules = modules;
    this.#metrics = modules.metrics ?? NO_NETWORK_METRICS;
    this.#openHost = openHost;
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    this.#reportFailure = failure.reject;
    // Whoever runs the node awaits `failed`; until then a failure must not count as unhandled.
    this.failed.catch(() => {});
    this.gossip = {
      publish: (topic, message) => this.#publish(topic, message),
      subscribe: (topic, validator, handler) => this.#subscribe(topic, { validator, handler }),
    };
    this.peers = {
      heads: async () => await this.#require().call('heads'),
      range: (from, limit) => this.#range(from, limit),
      witness: (blockNumber) => this.#witness(blockNumber),
      refuse: (answer, fault) => this.#refuse(answer, fault),
    };
    this.snapshots = {
      offers: async () => await this.#require().call('offers'),
      manifest: async (...request) => await this.#require().call('manifest', ...request),
      chunk: async (...request) => await this.#require().call('chunk', ...request),
      // Peers of a network that was stopped meanwhile are nobody's any more.
      report: (peer, code) => void this.#rpc?.call('report', peer, code).catch(() => undefined),
    };
    this.sequencerLink = {
      submit: (raw, { requireReady }) => this.#forward((rpc) => rpc.call('submit', raw, requireReady)),
      pendingNonce: (address) => this.#forward((rpc) => rpc.call('pendingNonce', address)),
      pooledTransaction: (hash) => this.#forward((rpc) => rpc.call('pooledTransaction', hash)),
      poolCounts: () => this.#forward((rpc) => rpc.call('poolCounts')),
      poolPage: (from, sender) => this.#forward((rpc) => rpc.call('poolPage', from, sender)),
      subscribePending: (listener) => this.#pending.subscribe(listener),
    };
  }

  /** Addresses that peers can dial, each with `/p2p/<id>`; empty while the node is not running. */
  addresses(): readonly string[] {
    return this.#addresses;
  }

  peerCount(): number {
    return this.#peerCount;
  }

  /** The connected peers and those that are banned, worst first; none while the node is not running. */
  async standings(): Promise<readonly PeerStanding[]> {
    return (await this.#rpc?.call('standings')) ?? [];
  }

  /** The open connections; none while the node is not running. */
  async connections(): Promise<readonly PeerConnection[]> {
    return (await this.#rpc?.call('connections')) ?? [];
  }

  /** Dials a peer and keeps it connected; false: too many are already. @throws StrobeError INVALID_MULTIADDR, NETWORK_STOPPED */
  async addPeer(address: string): Promise<boolean> {
    return await this.#require().call('addPeer', address);
  }

  /** Disconnects a peer and dials it no more; false when it was neither. @throws StrobeError NETWORK_STOPPED */
  async removePeer(peer: string): Promise<boolean> {
    return await this.#require().call('removePeer', peer);
  }

  /** Listens, joins the topics and begins to dial. @throws StrobeError NETWORK_LISTEN_FAILED, NETWORK_THREAD_FAILED */
  async start(): Promise<void> {
    invariant(this.#host === undefined, 'the network is started once at a time');
    const remembered = this.#modules.memory?.recall();
    const host = this.#openHost({ ...this.#options, ...(remembered === undefined ? {} : { remembered }) });
    const rpc = new ThreadRpc<CoreApi, HostApi>(host.channel, this.#coreApi());
    this.#host = host;
    this.#rpc = rpc;
    host.died.catch((error: unknown) => {
      rpc.close(toStrobeError(error));
      this.#fail(error);
    });
    try {
      this.#addresses = await rpc.call('start');
      for (const topic of this.#subscriptions.keys()) await rpc.call('subscribe', topic);
      if (this.#pending.isWanted) await rpc.call('watchPool', true);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Leaves the network; what is under way fails. Idempotent. */
  async stop(): Promise<void> {
    const host = this.#host;
    const rpc = this.#rpc;
    this.#host = undefined;
    this.#rpc = undefined;
    this.#addresses = [];
    this.#peerCount = 0;
    this.#servePending(false);
    if (host === undefined || rpc === undefined) return;
    try {
      await Promise.race([this.#stopHost(rpc), setTimeoutPromise(HOST_STOP_TIMEOUT_MS, undefined, { ref: false })]);
    } catch (error) {
      // A host that died has nothing left to stop; `failed` has told already.
      if (!isStrobeError(error, 'NETWORK_THREAD_FAILED')) throw error;
    } finally {
      rpc.close(stoppedError());
      await host.close();
    }
  }

  async #stopHost(rpc: ThreadRpc<CoreApi, HostApi>): Promise<void> {
    const { memory } = this.#modules;
    if (memory !== undefined) memory.keep(await rpc.call('remember'));
    await rpc.call('stop');
  }

  #coreApi(): CoreApi {
    const { source, sequencer } = this.#modules;
    return {
      validate: (topic, message, peer) => this.#receive(topic, message, peer),
      peerEvent: (event) => this.#onPeerEvent(event),
      sourceHead: () => source.head(),
      sourceRange: (from, limit) => source.range(from, limit),
      sourceWitness: (blockNumber) => source.witness(blockNumber),
      sourceOffers: async () => (await source.snapshots?.offers()) ?? NO_OFFERS,
      sourceManifest: async (contentDigest) => await source.snapshots?.manifest(contentDigest),
      sourceChunk: async (contentDigest, index) => await source.snapshots?.chunk(contentDigest, index),
      serveSubmit: async (raw, requireReady) => await required(sequencer).submit(raw, { requireReady }),
      servePendingNonce: async (address) => await required(sequencer).pendingNonce(address),
      servePooledTransaction: async (hash) => await required(sequencer).pooledTransaction(hash),
      servePoolCounts: async () => await required(sequencer).poolCounts(),
      servePoolPage: async (from, sender) => await required(sequencer).poolPage(from, sender),
      servePending: (isWatched) => this.#servePending(isWatched),
      pendingArrived: (pooled) => this.#pending.publish(pooled),
      pendingSkipped: (count) => this.#metrics.recordPendingSkipped(count),
    };
  }

  #watchPool(isWatched: boolean): void {
    // A network that does not run yet is told when it starts.
    this.#rpc?.call('watchPool', isWatched).catch(() => undefined);
  }

  #servePending(isWatched: boolean): void {
    this.#stopPending?.();
    this.#stopPending = undefined;
    if (!isWatched) return;
    this.#stopPending = required(this.#modules.sequencer).subscribePending((pooled) => this.#handover.push(pooled));
  }

  #subscribe(topic: Topic, subscription: Subscription): void {
    invariant(!this.#subscriptions.has(topic), `${topic} has one subscriber`);
    this.#subscriptions.set(topic, subscription);
    this.#rpc?.call('subscribe', topic).catch((error: unknown) => this.#fail(error));
  }

  #publish(topic: Topic, message: Bytes): void {
    if (message.length > MAX_GOSSIP_BYTES) {
      const meta = { topic, bytes: message.length };
      throw networkError('GOSSIP_MESSAGE_TOO_LARGE', `a message of ${message.length} bytes on ${topic}`, meta);
    }
    const bytes = message.length;
    if (this.#rpc === undefined || this.#publishBacklogBytes + bytes > MAX_PUBLISH_BACKLOG_BYTES) {
      this.#metrics.recordPublishDropped(topic, bytes);
      return;
    }
    this.#publishBacklogBytes += bytes;
    this.#rpc
      .call('publish', topic, message)
      .then(
        () => this.#metrics.recordPublished(topic, bytes),
        () => this.#metrics.recordPublishDropped(topic, bytes),
      )
      .finally(() => {
        this.#publishBacklogBytes -= bytes;
      });
  }

  /** The verdict and, when it is "accept", the delivery: nothing else is received in between. */
  #receive(topic: Topic, message: Bytes, peer: string): Verdict {
    const subscription = this.#subscriptions.get(topic);
    invariant(subscription !== undefined, `${topic} has a subscriber`);
    const verdict = judge(subscription.validator, message);
    this.#metrics.recordReceived(topic, message.length, verdict);
    if (verdict.kind === 'accept') {
      try {
        subscription.handler(message, peer);
      } catch (error) {
        this.#fail(error);
      }
    }
    return verdict;
  }

  #onPeerEvent(event: PeerEvent): void {
    if (event.kind === 'connected' || event.kind === 'disconnected') this.#peerCount = event.peers;
    this.#metrics.recordPeerEvent(event);
    this.#modules.onPeerEvent?.(event);
  }

  #range(from: number, limit: number): AsyncIterable<Bytes> {
    const ticket = ++this.#lastTicket;
    const answer = this.#readRange(from, limit, ticket);
    this.#tickets.set(answer, ticket);
    return answer;
  }

  async *#readRange(from: number, limit: number, ticket: number): AsyncIterable<Bytes> {
    yield* this.#require().stream('range', from, limit, ticket);
  }

  async #witness(blockNumber: number): Promise<Bytes> {
    const ticket = ++this.#lastTicket;
    const witness = await this.#require().call('witness', blockNumber, ticket);
    this.#tickets.set(witness, ticket);
    return witness;
  }

  #refuse(answer: object, fault: AnswerFault): void {
    const ticket = this.#tickets.get(answer);
    if (ticket === undefined) return;
    // A network that stopped meanwhile has no peers left to blame.
    this.#rpc?.call('refuse', ticket, fault).catch(() => undefined);
  }

  /** While the network is down the sequencer is out of reach, like when the link alone is. */
  async #forward<T>(request: (rpc: ThreadRpc<CoreApi, HostApi>) => Promise<T>): Promise<T> {
    try {
      return await request(this.#require());
    } catch (error) {
      if (!isStrobeError(error, 'NETWORK_STOPPED') && !isStrobeError(error, 'NETWORK_THREAD_FAILED')) throw error;
      throw networkError('SEQUENCER_UNREACHABLE', 'the sequencer cannot be reached: the network is not running', {}, error);
    }
  }

  #fail(error: unknown): void {
    this.#reportFailure(toStrobeError(error));
  }

  #require(): ThreadRpc<CoreApi, HostApi> {
    if (this.#rpc === undefined) throw stoppedError();
    return this.#rpc;
  }
}

/** A validator that throws was handed something its decoder does not expect: the sender's fault, never a crash. */
function judge(validator: MessageValidator, message: Bytes): Verdict {
  try {
    return validator(message);
  } catch (error) {
    return reject(toStrobeError(error).code);
  }
}

function required(sequencer: SequencerService | undefined): SequencerService {
  invariant(sequencer !== undefined, 'only a node with a sequencer service serves its protocol');
  return sequencer;
}
