import type { Connection, Libp2p } from '@libp2p/interface';
import { MAX_TRANSACTION_BYTES } from '../protocol/limits.ts';
import type { PoolCounts, PooledBytes, PoolPage } from '../protocol/ports/pool.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import { FrameStream } from './frame-stream.ts';
import { decodeNonce, LINK_KIND, type LinkKind, linkProtocol, MAX_LINK_FRAME_BYTES } from './link-frames.ts';
import { decodePoolCounts, decodePoolPage, encodePoolPageRequest } from './link-pool.ts';
import { LinkRequests } from './link-requests.ts';
import { networkError } from './network-errors.ts';
import { LINK_RETRY_MS, OPEN_STREAM_TIMEOUT_MS } from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';
import { PeerSet } from './peer-set.ts';
import { PoolWatch } from './pool-watch.ts';

export interface LinkClientOptions {
  readonly prefix: string;
  readonly sequencerPeer: string | undefined;
}

export interface LinkClientModules {
  readonly libp2p: Libp2p;
  readonly guard: PeerGuard;
  readonly onLink: (up: boolean) => void;
  /** A transaction entered the watched pool. */
  readonly onPooled: (pooled: PooledBytes) => void;
}

/**
 * The replica's link to the sequencer: one stream to the peer that serves the protocol. Anyone may claim to serve it,
 * so only the configured peer is believed or, without one, a peer that this node dialled itself.
 */
export class LinkClient {
  readonly #options: LinkClientOptions;
  readonly #modules: LinkClientModules;
  readonly #peers: PeerSet;
  readonly #poolWatch = new PoolWatch();
  #requests: LinkRequests | undefined;
  #opening = false;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LinkClientOptions, modules: LinkClientModules) {
    this.#options = options;
    this.#modules = modules;
    this.#peers = new PeerSet(modules.libp2p);
  }

  async start(): Promise<void> {
    await this.#peers.watch(linkProtocol(this.#options.prefix), () => void this.#connect());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#requests?.close(unreachable('the node stops'));
  }

  /** @throws StrobeError SEQUENCER_UNREACHABLE, SEQUENCER_LINK_BUSY, and the sequencer's own codes */
  async submit(raw: Bytes, requireReady: boolean): Promise<Hash> {
    // Checked here as well: a longer frame would cost the link, and with it every request under way.
    if (raw.length > MAX_TRANSACTION_BYTES) {
      throw new StrobeError('TRANSACTION_TOO_LARGE', `a transaction has at most ${MAX_TRANSACTION_BYTES} bytes`);
    }
    const hash = await this.#ask(requireReady ? LINK_KIND.submitReady : LINK_KIND.submit, raw);
    return this.#expect(hash, hash?.length === 32);
  }

  async pendingNonce(address: Address): Promise<bigint> {
    const nonce = await this.#ask(LINK_KIND.pendingNonce, address);
    return decodeNonce(this.#expect(nonce, true));
  }

  async pooledTransaction(hash: Hash): Promise<Bytes | undefined> {
    return await this.#ask(LINK_KIND.pooledTransaction, hash);
  }

  async poolCounts(): Promise<PoolCounts> {
    return decodePoolCounts(this.#expect(await this.#ask(LINK_KIND.poolCounts, EMPTY_BYTES), true));
  }

  async poolPage(from: number, sender: Address | undefined): Promise<PoolPage> {
    const page = await this.#ask(LINK_KIND.poolPage, encodePoolPageRequest({ from, sender }));
    return decodePoolPage(this.#expect(page, true), from);
  }

  /** Whether new transactions are wanted, on this link and on those after it. */
  watchPool(isWatched: boolean): void {
    this.#poolWatch.want(isWatched);
  }

  /** One that was on its way when the watch ended is nobody's. */
  #onPooled(pooled: PooledBytes): void {
    if (this.#poolWatch.isWanted) this.#modules.onPooled(pooled);
  }

  async #ask(kind: LinkKind, body: Bytes): Promise<Bytes | undefined> {
    if (this.#requests === undefined) throw unreachable('no connected peer is the sequencer');
    return await this.#requests.ask(kind, body);
  }

  #expect(answer: Bytes | undefined, valid: boolean): Bytes {
    if (answer === undefined || !valid) throw networkError('PROTOCOL_VIOLATION', 'the sequencer answered in a wrong form');
    return answer;
  }

  /** Opens the link when there is none and the sequencer is connected. */
  async #connect(): Promise<void> {
    if (this.#stopped || this.#opening || this.#requests !== undefined) return;
    const connection = this.#peers.inOrder((candidate) => this.#mayBeSequencer(candidate))[0];
    if (connection === undefined) return;
    this.#opening = true;
    try {
      await this.#serveLink(connection);
    } catch (error) {
      this.#peers.noteFailure(connection, 1);
      if (isStrobeError(error, 'PROTOCOL_VIOLATION')) this.#modules.guard.offend(connection.remotePeer.toString(), error.code);
    }
    this.#opening = false;
    clearTimeout(this.#retry);
    if (!this.#stopped) this.#retry = setTimeout(() => void this.#connect(), LINK_RETRY_MS);
  }

  /** Opens a stream and reads answers until it ends. */
  async #serveLink(connection: Connection): Promise<void> {
    const stream = await connection.newStream(linkProtocol(this.#options.prefix), {
      signal: AbortSignal.timeout(OPEN_STREAM_TIMEOUT_MS),
    });
    const frames = new FrameStream(stream, { maxFrameBytes: MAX_LINK_FRAME_BYTES });
    const requests = new LinkRequests(frames, { onPooled: (pooled) => this.#onPooled(pooled) });
    if (this.#stopped) return requests.close(unreachable('the node stops'));
    this.#requests = requests;
    this.#poolWatch.follow(requests);
    this.#modules.onLink(true);
    try {
      await requests.readAnswers();
    } finally {
      this.#requests = undefined;
      this.#poolWatch.follow(undefined);
      requests.close(unreachable('the link to the sequencer was lost'));
      this.#modules.onLink(false);
    }
  }

  #mayBeSequencer(connection: Connection): boolean {
    const { sequencerPeer } = this.#options;
    return sequencerPeer === undefined ? connection.direction === 'outbound' : connection.remotePeer.toString() === sequencerPeer;
  }
}

function unreachable(why: string): StrobeError {
  return networkError('SEQUENCER_UNREACHABLE', `the sequencer cannot be reached: ${why}`);
}
