import type { PeerId } from '@libp2p/interface';
import type { AnswerFault, PeerConnection, PeerHead, PeerOffers, PeerStanding, Topic } from '../protocol/ports/network.ts';
import type { PoolCounts, PooledBytes, PoolPage } from '../protocol/ports/pool.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage } from '../util/errors.ts';
import type { Channel } from '../util/thread-channel.ts';
import { ThreadRpc } from '../util/thread-rpc.ts';
import { BootstrapDialer } from './bootstrap-dialer.ts';
import { createHostLibp2p, type HostLibp2p } from './create-host-libp2p.ts';
import { FloodGuard } from './flood-guard.ts';
import { GossipHost } from './gossip-host.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import { LinkClient } from './link-client.ts';
import { LinkServer } from './link-server.ts';
import { networkError, stoppedError } from './network-errors.ts';
import type { PeerEvent } from './network-metrics.ts';
import { assertMultiaddr, type HostOptions } from './network-options.ts';
import { PeerClient } from './peer-client.ts';
import { PeerFailures } from './peer-failures.ts';
import { PeerGuard } from './peer-guard.ts';
import type { RememberedPeers } from './peer-memory.ts';
import { PeerServer } from './peer-server.ts';
import { standingsOf } from './peer-standings.ts';
import { PendingHandover, SkippedCount } from './pending-handover.ts';
import { SnapshotClient } from './snapshot-client.ts';
import { SnapshotServer } from './snapshot-server.ts';

/** The parts of a running host. */
interface Running {
  readonly libp2p: HostLibp2p;
  readonly gossip: GossipHost;
  readonly peers: PeerClient;
  readonly snapshots: SnapshotClient;
  readonly link: LinkClient;
  readonly linkServer: LinkServer;
  readonly dialer: BootstrapDialer;
}

/**
 * Everything that touches libp2p, behind one channel to the core: it runs in the network thread, or on the core's own
 * thread in tests, and is the same there.
 */
export class NetworkHost implements HostApi {
  readonly #options: HostOptions;
  readonly #core: ThreadRpc<HostApi, CoreApi>;
  readonly #guard: PeerGuard;
  readonly #flood: FloodGuard;
  readonly #failures: PeerFailures;
  readonly #skipped: SkippedCount;
  readonly #arrived: PendingHandover;
  #running: Running | undefined;
  /** Peers that left; true once a heartbeat has passed since. */
  readonly #departed = new Map<string, { readonly peer: PeerId; readonly settled: boolean }>();

  constructor(options: HostOptions, channel: Channel) {
    this.#options = options;
    this.#core = new ThreadRpc<HostApi, CoreApi>(channel, this);
    const { offenders = [], failures = [] } = options.remembered ?? {};
    this.#guard = new PeerGuard({
      onOffence: (peer, code, banned) => this.#onOffence(peer, code, banned),
      remembered: offenders,
    });
    this.#flood = new FloodGuard({ offend: (peer, code) => this.#guard.offend(peer, code) });
    this.#failures = new PeerFailures({
      onFailure: (peer, code) => this.#tell({ kind: 'failure', peer, code }),
      remembered: failures,
    });
    this.#skipped = new SkippedCount((count) => this.#core.call('pendingSkipped', count));
    this.#arrived = new PendingHandover({
      send: (pooled) => this.#core.call('pendingArrived', pooled),
      onSkipped: (count) => this.#skipped.add(count),
    });
  }

  async start(): Promise<readonly string[]> {
    const running = await this.#assemble();
    this.#running = running;
    try {
      await running.libp2p.start();
    } catch (cause) {
      await this.stop();
      const message = `cannot listen on ${this.#options.listen.join(', ')}: ${errorMessage(cause)}`;
      throw networkError('NETWORK_LISTEN_FAILED', message, {}, cause);
    }
    running.dialer.start();
    return running.libp2p.getMultiaddrs().map((address) => address.toString());
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.link.stop();
    await running.dialer.stop();
    await running.libp2p.stop();
  }

  subscribe(topic: Topic): void {
    this.#require().gossip.subscribe(topic);
  }

  async publish(topic: Topic, message: Bytes): Promise<void> {
    await this.#require().gossip.publish(topic, message);
  }

  async heads(): Promise<readonly PeerHead[]> {
    return await this.#require().peers.heads();
  }

  async *range(from: number, limit: number, ticket: number): AsyncIterable<Bytes> {
    yield* this.#require().peers.range(from, limit, ticket);
  }

  async witness(blockNumber: number, ticket: number): Promise<Bytes> {
    return await this.#require().peers.witness(blockNumber, ticket);
  }

  refuse(ticket: number, fault: AnswerFault): void {
    this.#require().peers.refuse(ticket, fault);
  }

  standings(): readonly PeerStanding[] {
    return standingsOf({ libp2p: this.#require().libp2p, guard: this.#guard, failures: this.#failures });
  }

  remember(): RememberedPeers {
    return { offenders: this.#guard.remember(), failures: this.#failures.remember() };
  }

  connections(): readonly PeerConnection[] {
    const all = this.#require().libp2p.getConnections();
    return all.map(({ remotePeer, remoteAddr, direction, timeline }) => {
      const peer = remotePeer.toString();
      return { peer, address: remoteAddr.toString(), direction, openedAtMs: timeline.open };
    });
  }

  addPeer(address: string): boolean {
    assertMultiaddr(address);
    return this.#require().dialer.add(address);
  }

  async removePeer(peer: string): Promise<boolean> {
    const { dialer, libp2p } = this.#require();
    const wasDialled = await dialer.remove(peer);
    const connections = libp2p.getConnections().filter(({ remotePeer }) => remotePeer.toString() === peer);
    for (const connection of connections) connection.abort(networkError('PEER_DROPPED', 'removed by the operator'));
    return wasDialled || connections.length > 0;
  }

  async offers(): Promise<readonly PeerOffers[]> {
    return await this.#require().snapshots.offers();
  }

  async manifest(peer: string, contentDigest: Hash, bytes: number): Promise<Bytes> {
    return await this.#require().snapshots.manifest(peer, contentDigest, bytes);
  }

  async chunk(peer: string, contentDigest: Hash, index: number, bytes: number): Promise<Bytes> {
    return await this.#require().snapshots.chunk(peer, contentDigest, index, bytes);
  }

  report(peer: string, code: string): void {
    this.#require().snapshots.report(peer, code);
  }

  async submit(raw: Bytes, requireReady: boolean): Promise<Hash> {
    return await this.#require().link.submit(raw, requireReady);
  }

  async pendingNonce(address: Address): Promise<bigint> {
    return await this.#require().link.pendingNonce(address);
  }

  async pooledTransaction(hash: Hash): Promise<Bytes | undefined> {
    return await this.#require().link.pooledTransaction(hash);
  }

  async poolCounts(): Promise<PoolCounts> {
    return await this.#require().link.poolCounts();
  }

  async poolPage(from: number, sender: Address | undefined): Promise<PoolPage> {
    return await this.#require().link.poolPage(from, sender);
  }

  watchPool(isWatched: boolean): void {
    this.#require().link.watchPool(isWatched);
  }

  pushPending(pooled: PooledBytes): void {
    this.#require().linkServer.pushPending(pooled);
  }

  /** Registers every protocol before libp2p starts, so that the first identification names them all. */
  async #assemble(): Promise<Running> {
    const libp2p = await createHostLibp2p(this.#options, this.#guard);
    const shared = { libp2p, core: this.#core, guard: this.#guard, flood: this.#flood, failures: this.#failures };
    const pubsub = libp2p.services.pubsub;
    const gossip = new GossipHost(this.#options, { ...shared, pubsub, drop: (peer, reason) => this.#drop(peer, reason) });
    const peers = new PeerClient(this.#options, shared);
    const snapshots = new SnapshotClient(this.#options, shared);
    const link = new LinkClient(this.#options, {
      ...shared,
      onLink: (up) => this.#tell({ kind: 'sequencerLink', up }),
      onPooled: (pooled) => this.#arrived.push(pooled),
    });
    const linkServer = new LinkServer(this.#options, { ...shared, onSkipped: (count) => this.#skipped.add(count) });
    const dialer = new BootstrapDialer(this.#options, {
      libp2p,
      onFailure: (address, reason) => this.#tell({ kind: 'dialFailed', address, reason }),
    });
    this.#watchPeers(libp2p);
    gossip.start();
    await peers.start();
    await snapshots.start();
    await new PeerServer(this.#options, shared).start();
    await new SnapshotServer(this.#options, shared).start();
    if (this.#options.servesSequencer) await linkServer.start();
    else await link.start();
    return { libp2p, gossip, peers, snapshots, link, linkServer, dialer };
  }

  #watchPeers(libp2p: HostLibp2p): void {
    libp2p.addEventListener('peer:connect', (event) => {
      this.#departed.delete(event.detail.toString());
      this.#tell({ kind: 'connected', peer: event.detail.toString(), peers: libp2p.getPeers().length });
    });
    libp2p.addEventListener('peer:disconnect', (event) => {
      const peer = event.detail.toString();
      this.#departed.set(peer, { peer: event.detail, settled: false });
      this.#tell({ kind: 'disconnected', peer, peers: libp2p.getPeers().length });
    });
    libp2p.services.pubsub.addEventListener('gossipsub:heartbeat', () => this.#forgetDeparted(libp2p));
  }

  /** Peer ids are free, so what libp2p stored of a peer goes with it, once its own handlers have used it. */
  #forgetDeparted(libp2p: HostLibp2p): void {
    for (const [id, { peer, settled }] of this.#departed) {
      if (!settled) {
        this.#departed.set(id, { peer, settled: true });
        continue;
      }
      this.#departed.delete(id);
      libp2p.peerStore.delete(peer).catch(() => {
        // In memory this fails only when the node stops meanwhile, and everything is forgotten then.
      });
    }
  }

  #onOffence(peer: string, code: string, banned: boolean): void {
    const all = this.#running?.libp2p.getConnections() ?? [];
    const connections = all.filter(({ remotePeer }) => remotePeer.toString() === peer);
    this.#tell({ kind: 'offence', peer, code, banned, address: connections[0]?.remoteAddr.toString() });
    if (!banned) return;
    for (const connection of connections) {
      connection.abort(networkError('PEER_DROPPED', `banned for ${code}`));
    }
  }

  /** At once: a graceful close would wait for streams that no longer move. */
  #drop(peer: PeerId, reason: string): void {
    this.#tell({ kind: 'dropped', peer: peer.toString(), reason });
    for (const connection of this.#running?.libp2p.getConnections(peer) ?? []) {
      connection.abort(networkError('PEER_DROPPED', reason));
    }
  }

  #tell(event: PeerEvent): void {
    this.#core.call('peerEvent', event).catch(() => {
      // The core only counts and logs events; while it stops it has no use for them.
    });
  }

  #require(): Running {
    if (this.#running === undefined) throw stoppedError();
    return this.#running;
  }
}
