import type { Bytes } from '../../util/bytes.ts';
import type { Address, Hash } from '../primitives.ts';
import type { Verdict } from '../verdict.ts';
import type { PoolCounts, PooledBytes, PoolPage } from './pool.ts';

/** Gossip topics by their short names; on the wire they carry the chain's prefix. */
export const TOPICS = ['mini-blocks', 'seals', 'witnesses', 'attestations'] as const;
export type Topic = (typeof TOPICS)[number];

/** Pure check of a message before it is handed on and forwarded to other peers. */
export type MessageValidator = (message: Bytes) => Verdict;

/** Publishing and receiving of signed messages. */
export interface Gossip {
  /**
   * Queues a message for every peer of the topic, in order.
   * @throws StrobeError GOSSIP_MESSAGE_TOO_LARGE
   */
  publish(topic: Topic, message: Bytes): void;
  /** Joins a topic. Messages that the validator accepts arrive in the order received; the handler must not throw. */
  subscribe(topic: Topic, validator: MessageValidator, handler: (message: Bytes, peer: string) => void): void;
}

/** Newest messages that a peer knows. */
export interface PeerHead {
  readonly epoch: number;
  readonly number: number;
  readonly digest: Hash;
}

/** Reads from peers over streams; each tries the connected peers in turn and checks nothing but bounds. */
export interface PeerReader {
  /** Heads of the connected peers that answered within the time limit. */
  heads(): Promise<readonly PeerHead[]>;
  /**
   * Encoded log records from the first one with `number >= from`, at most `limit` mini-blocks.
   * @throws StrobeError NO_PEER_HAS_RANGE
   */
  range(from: number, limit: number): AsyncIterable<Bytes>;
  /** Witness bytes of a block. @throws StrobeError NO_PEER_HAS_WITNESS */
  witness(blockNumber: number): Promise<Bytes>;
  /**
   * Says that an answer is of no use, as only its reader can tell: whoever gave it is asked last for a while, or, when
   * nobody who follows the rules could have given it, offended.
   * @param answer what `range` or `witness` returned
   */
  refuse(answer: object, fault: AnswerFault): void;
}

/** What is wrong with an answer. */
export interface AnswerFault {
  readonly code: string;
  /** Honest peers lag behind and follow other epochs, but they never hand on what is malformed or not signed. */
  readonly isForged: boolean;
}

/** How a connected or banned peer behaved so far. */
export interface PeerStanding {
  readonly peer: string;
  /** Who dialled; undefined: it is not connected. */
  readonly direction: 'inbound' | 'outbound' | undefined;
  /** 0 is spotless; below that, worse. */
  readonly score: number;
  /** Breaches of the rules that still count; some more and it is banned. */
  readonly offences: number;
  /** Requests that it did not answer lately, or not usefully. */
  readonly failures: number;
  /** 0: it is not banned. */
  readonly bannedForMs: number;
}

/** An open connection, as an operator may see it. */
export interface PeerConnection {
  readonly peer: string;
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  /** Since 1970. */
  readonly openedAtMs: number;
}

/** A snapshot of the state as a peer describes it: nothing of it is checked. */
export interface SnapshotOffer {
  readonly blockNumber: number;
  readonly blockHash: Hash;
  /** Stands for block, registry and all chunks: peers with one state have one digest, whoever made their files. */
  readonly contentDigest: Hash;
  /** Length of the encoded manifest. */
  readonly manifestBytes: number;
  /** Encoded attestations of the block. */
  readonly attestations: readonly Bytes[];
}

/** What a node has for others that are behind. */
export interface SyncOffers {
  /** Oldest record of its log, as a mini-block number; undefined: the log is empty. */
  readonly logFirst: number | undefined;
  /** Newest first. */
  readonly snapshots: readonly SnapshotOffer[];
}

export interface PeerOffers extends SyncOffers {
  readonly peer: string;
}

/** Snapshots at peers: unlike {@link PeerReader} it names them, since who offers something false is left out afterwards. */
export interface SnapshotPeers {
  /** Of the connected peers that answered within the time limit. */
  offers(): Promise<readonly PeerOffers[]>;
  /** Encoded manifest; its length is checked. @throws StrobeError NOT_KEPT, PEER_BUSY, or why the peer failed */
  manifest(peer: string, contentDigest: Hash, bytes: number): Promise<Bytes>;
  /** A chunk; its length is checked. @throws StrobeError NOT_KEPT, PEER_BUSY, or why the peer failed */
  chunk(peer: string, contentDigest: Hash, index: number, bytes: number): Promise<Bytes>;
  /** Counts an offence of which only the reader of the contents can know. */
  report(peer: string, code: string): void;
}

/** Snapshots as a node serves them. */
export interface SnapshotSource {
  offers(): Promise<SyncOffers>;
  /** Undefined: not kept (any more). */
  manifest(contentDigest: Hash): Promise<Bytes | undefined>;
  /** Undefined: not kept (any more), or there is no such chunk. */
  chunk(contentDigest: Hash, index: number): Promise<Bytes | undefined>;
}

/** What a node serves to its peers. */
export interface PeerSource {
  head(): PeerHead;
  range(from: number, limit: number): AsyncIterable<Bytes>;
  /** Undefined: not kept (any more). */
  witness(blockNumber: number): Promise<Bytes | undefined>;
  /** Absent: this node has none to give. */
  readonly snapshots?: SnapshotSource;
}

/** Requests that replicas send to the sequencer. */
export interface SequencerService {
  submit(raw: Bytes, options: { readonly requireReady: boolean }): Promise<Hash>;
  pendingNonce(address: Address): Promise<bigint>;
  /** Raw bytes of a pooled transaction. */
  pooledTransaction(hash: Hash): Promise<Bytes | undefined>;
  poolCounts(): Promise<PoolCounts>;
  /**
   * Pooled transactions in order of arrival, those of one sender when it is given.
   * @param from 0, then the `next` of the page before
   */
  poolPage(from: number, sender: Address | undefined): Promise<PoolPage>;
  /**
   * Shows transactions as they enter the pool. Best effort on a replica: those for which there is no room on the way, and
   * those that come while the link is lost, are skipped.
   * @param listener must not throw
   * @returns the unsubscribe function
   */
  subscribePending(listener: (pooled: PooledBytes) => void): () => void;
}

/** The replica's end of {@link SequencerService}: errors keep their codes; SEQUENCER_UNREACHABLE when the link is lost. */
export type SequencerLink = SequencerService;
