import type { Connection, Libp2p } from '@libp2p/interface';
import { MAX_SYNC_CHUNK_BYTES, MAX_SYNC_MANIFEST_BYTES } from '../protocol/limits.ts';
import type { PeerOffers, SnapshotOffer } from '../protocol/ports/network.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { toStrobeError } from '../util/errors.ts';
import { networkError } from './network-errors.ts';
import { HEAD_TIMEOUT_MS, MAX_OFFER_FRAME_BYTES, MAX_SNAPSHOT_FRAME_BYTES, MAX_SNAPSHOT_OFFERS } from './network-limits.ts';
import type { PeerFailures } from './peer-failures.ts';
import type { PeerGuard } from './peer-guard.ts';
import {
  ANSWER,
  decodeLogFirst,
  decodeOffer,
  encodeChunkRequest,
  encodeManifestRequest,
  peerProtocols,
} from './peer-protocols.ts';
import { PeerRequests, readFirst, readToEnd } from './peer-requests.ts';
import { PeerSet } from './peer-set.ts';

export interface SnapshotClientModules {
  readonly libp2p: Libp2p;
  readonly guard: PeerGuard;
  readonly failures: PeerFailures;
}

/** Answers that an honest peer gives, and that show nothing of how it stands. */
const BLAMELESS: ReadonlySet<string> = new Set(['NOT_KEPT', 'PEER_BUSY']);

/** The host's end of `SnapshotPeers`: each request goes to the peer that the caller names. */
export class SnapshotClient {
  readonly #protocol: string;
  readonly #requests: PeerRequests;
  readonly #guard: PeerGuard;
  readonly #failures: PeerFailures;
  readonly #peers: PeerSet;

  constructor(options: { readonly prefix: string }, modules: SnapshotClientModules) {
    this.#protocol = peerProtocols(options.prefix).offers;
    this.#requests = new PeerRequests(options, modules);
    this.#guard = modules.guard;
    this.#failures = modules.failures;
    this.#peers = new PeerSet(modules.libp2p);
  }

  async start(): Promise<void> {
    await this.#peers.watch(this.#protocol);
  }

  async offers(): Promise<readonly PeerOffers[]> {
    const answers = await Promise.allSettled(this.#peers.inOrder().map((connection) => this.#offersOf(connection)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** @throws StrobeError NOT_KEPT, PEER_BUSY, PROTOCOL_VIOLATION, STREAM_FAILED, STREAM_TIMEOUT */
  manifest(peer: string, contentDigest: Hash, bytes: number): Promise<Bytes> {
    return this.#fetch(peer, 'manifest', encodeManifestRequest(contentDigest), bytes, MAX_SYNC_MANIFEST_BYTES);
  }

  /** @throws StrobeError as {@link SnapshotClient.manifest} */
  chunk(peer: string, contentDigest: Hash, index: number, bytes: number): Promise<Bytes> {
    return this.#fetch(peer, 'chunk', encodeChunkRequest(contentDigest, index), bytes, MAX_SYNC_CHUNK_BYTES);
  }

  report(peer: string, code: string): void {
    this.#guard.offend(peer, code);
  }

  async #offersOf(connection: Connection): Promise<PeerOffers> {
    return this.#judged(connection, async () => {
      const frames = await this.#requests.open(connection, 'offers', MAX_OFFER_FRAME_BYTES, HEAD_TIMEOUT_MS);
      await frames.end();
      const logFirst = decodeLogFirst(await readFirst(frames));
      const snapshots: SnapshotOffer[] = [];
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
        snapshots.push(decodeOffer(frame));
        if (snapshots.length <= MAX_SNAPSHOT_OFFERS) continue;
        const violation = networkError('PROTOCOL_VIOLATION', `more than ${MAX_SNAPSHOT_OFFERS} offers`);
        frames.abort(violation);
        throw violation;
      }
      return { peer: connection.remotePeer.toString(), logFirst, snapshots };
    });
  }

  async #fetch(peer: string, protocol: 'manifest' | 'chunk', request: Bytes, bytes: number, maxBytes: number): Promise<Bytes> {
    if (bytes > maxBytes) throw networkError('NOT_KEPT', `a ${protocol} of ${bytes} bytes is not fetched`, { peer, bytes });
    const connection = this.#peers.connectionTo(peer);
    if (connection === undefined) throw networkError('STREAM_FAILED', 'the peer is gone', { peer });
    return this.#judged(connection, async () => {
      const { frames, answer } = await this.#requests.ask(connection, protocol, request, MAX_SNAPSHOT_FRAME_BYTES);
      if (answer === ANSWER.notKept) throw networkError('NOT_KEPT', `the peer does not have the ${protocol}`, { peer });
      if (answer === ANSWER.busy) throw networkError('PEER_BUSY', 'the peer has sent what it may for now', { peer });
      if (answer !== ANSWER.data) throw networkError('PROTOCOL_VIOLATION', 'an answer to another request');
      const received = await readToEnd(frames, bytes);
      if (received.length === bytes) return received;
      throw networkError('PROTOCOL_VIOLATION', `a ${protocol} of ${received.length} bytes in place of ${bytes}`);
    });
  }

  async #judged<Result>(connection: Connection, request: () => Promise<Result>): Promise<Result> {
    try {
      return await request();
    } catch (error) {
      const { code } = toStrobeError(error);
      if (!BLAMELESS.has(code)) this.#failures.note(connection.remotePeer.toString(), code);
      this.#requests.noteFault(connection, error);
      throw error;
    }
  }
}
