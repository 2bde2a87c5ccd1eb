import type {
  AnswerFault,
  PeerConnection,
  PeerHead,
  PeerOffers,
  PeerStanding,
  SyncOffers,
  Topic,
} from '../protocol/ports/network.ts';
import type { PoolCounts, PooledBytes, PoolPage } from '../protocol/ports/pool.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { Verdict } from '../protocol/verdict.ts';
import type { Bytes } from '../util/bytes.ts';
import type { PeerEvent } from './network-metrics.ts';
import type { RememberedPeers } from './peer-memory.ts';

/** What the network host does for the core thread. */
export interface HostApi {
  /** Listens and dials; answers with the addresses, each with its `/p2p/<id>`. */
  start(): Promise<readonly string[]>;
  stop(): Promise<void>;
  subscribe(topic: Topic): void;
  /** Resolves when the message was queued for every peer of the topic. */
  publish(topic: Topic, message: Bytes): Promise<void>;
  heads(): Promise<readonly PeerHead[]>;
  /** `ticket` names the answer for {@link HostApi.refuse}. */
  range(from: number, limit: number, ticket: number): AsyncIterable<Bytes>;
  witness(blockNumber: number, ticket: number): Promise<Bytes>;
  refuse(ticket: number, fault: AnswerFault): void;
  standings(): readonly PeerStanding[];
  /** How peers stand, for a later host. */
  remember(): RememberedPeers;
  connections(): readonly PeerConnection[];
  /** Dials an address and keeps it connected; false when there are too many of them. */
  addPeer(address: string): boolean;
  /** Disconnects a peer and dials it no more; false when it was neither connected nor dialled. */
  removePeer(peer: string): Promise<boolean>;
  offers(): Promise<readonly PeerOffers[]>;
  manifest(peer: string, contentDigest: Hash, bytes: number): Promise<Bytes>;
  chunk(peer: string, contentDigest: Hash, index: number, bytes: number): Promise<Bytes>;
  report(peer: string, code: string): void;
  submit(raw: Bytes, requireReady: boolean): Promise<Hash>;
  pendingNonce(address: Address): Promise<bigint>;
  pooledTransaction(hash: Hash): Promise<Bytes | undefined>;
  poolCounts(): Promise<PoolCounts>;
  poolPage(from: number, sender: Address | undefined): Promise<PoolPage>;
  /** On a replica: whether the sequencer's new transactions are wanted, see {@link CoreApi.pendingArrived}. */
  watchPool(isWatched: boolean): void;
  /** On the sequencer: a transaction entered the pool, see {@link CoreApi.servePending}. */
  pushPending(pooled: PooledBytes): void;
}

/** What the core thread does for the network host. */
export interface CoreApi {
  /** Checks a message and, when it is accepted, hands it to its subscriber before anything else is received. */
  validate(topic: Topic, message: Bytes, peer: string): Verdict;
  peerEvent(event: PeerEvent): void;
  sourceHead(): PeerHead;
  sourceRange(from: number, limit: number): AsyncIterable<Bytes>;
  sourceWitness(blockNumber: number): Promise<Bytes | undefined>;
  sourceOffers(): Promise<SyncOffers>;
  sourceManifest(contentDigest: Hash): Promise<Bytes | undefined>;
  sourceChunk(contentDigest: Hash, index: number): Promise<Bytes | undefined>;
  serveSubmit(raw: Bytes, requireReady: boolean): Promise<Hash>;
  servePendingNonce(address: Address): Promise<bigint>;
  servePooledTransaction(hash: Hash): Promise<Bytes | undefined>;
  servePoolCounts(): Promise<PoolCounts>;
  servePoolPage(from: number, sender: Address | undefined): Promise<PoolPage>;
  /** On the sequencer: whether some replica wants to see new transactions. */
  servePending(isWatched: boolean): void;
  /** On a replica: a transaction entered the sequencer's pool. */
  pendingArrived(pooled: PooledBytes): void;
  /** New transactions that somebody wanted to see and did not, as there was no room. */
  pendingSkipped(count: number): void;
}
