import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { PooledBytes } from '../protocol/ports/pool.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { isStrobeError, StrobeError, toStrobeError } from '../util/errors.ts';
import type { ThreadRpc } from '../util/thread-rpc.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { BatchingWriter } from './batching-writer.ts';
import { FrameStream } from './frame-stream.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import {
  decodeLinkFrame,
  encodeLinkError,
  encodeLinkFrame,
  encodeNonce,
  LINK_KIND,
  type LinkFrame,
  type LinkKind,
  linkProtocol,
  MAX_LINK_FRAME_BYTES,
} from './link-frames.ts';
import { decodeWatch } from './link-pending.ts';
import { decodePoolPageRequest, encodePoolCounts, encodePoolPage } from './link-pool.ts';
import { networkError } from './network-errors.ts';
import {
  MAX_LINK_ANSWER_BACKLOG_BYTES,
  MAX_PENDING_PUSH_BACKLOG_BYTES,
  MAX_SERVED_LINK_REQUESTS,
  POOL_LISTING_BURST,
  POOL_LISTINGS_PER_SECOND,
} from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';
import { PendingPush, type PushTarget } from './pending-push.ts';

export interface LinkServerModules {
  readonly libp2p: Libp2p;
  readonly core: ThreadRpc<HostApi, CoreApi>;
  readonly guard: PeerGuard;
  /** Told of new transactions that a replica was not shown. */
  readonly onSkipped: (count: number) => void;
}

interface SessionModules {
  readonly core: LinkServerModules['core'];
  readonly listings: TokenBucket;
  readonly pending: PendingPush;
}

type Answer = Pick<LinkFrame, 'kind' | 'body'>;

/** Serves the core's `SequencerService` to replicas, one long-lived stream each. */
export class LinkServer {
  readonly #protocol: string;
  readonly #modules: LinkServerModules;
  /** One for all replicas: what listing the pool may cost the core thread. */
  readonly #listings = new TokenBucket({ perSecond: POOL_LISTINGS_PER_SECOND, burst: POOL_LISTING_BURST }, performance.now());

  readonly #pending: PendingPush;

  constructor(options: { readonly prefix: string }, modules: LinkServerModules) {
    this.#protocol = linkProtocol(options.prefix);
    this.#modules = modules;
    const { core, onSkipped } = modules;
    this.#pending = new PendingPush({ watch: (isWatched) => core.call('servePending', isWatched), onSkipped });
  }

  /** Shows a new transaction to the replicas that watch the pool. */
  pushPending(pooled: PooledBytes): void {
    this.#pending.push(pooled);
  }

  async start(): Promise<void> {
    const handler = (stream: Stream, connection: Connection): Promise<void> =>
      this.#serve(stream, connection.remotePeer.toString());
    // Two: a replica that lost its stream may open the next before we see the loss.
    await this.#modules.libp2p.handle(this.#protocol, handler, { maxInboundStreams: 2 });
  }

  async #serve(stream: Stream, peer: string): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameBytes: MAX_LINK_FRAME_BYTES });
    const { core, guard } = this.#modules;
    const session = new LinkSession(frames, { core, listings: this.#listings, pending: this.#pending });
    try {
      await session.run();
      await frames.end();
    } catch (error) {
      if (isStrobeError(error, 'PROTOCOL_VIOLATION')) guard.offend(peer, error.code);
      frames.abort(toStrobeError(error));
    } finally {
      await this.#pending.remove(session);
    }
  }
}

/** One replica's requests: answered as they are done, in any order. */
class LinkSession implements PushTarget {
  readonly #frames: FrameStream;
  readonly #core: LinkServerModules['core'];
  readonly #listings: TokenBucket;
  readonly #pending: PendingPush;
  readonly #writer: BatchingWriter;
  #running = 0;
  /** Answers have to leave before anything else is sent. */
  #isBehind = false;
  #onAnswer: (() => void) | undefined;

  constructor(frames: FrameStream, modules: SessionModules) {
    this.#frames = frames;
    this.#core = modules.core;
    this.#listings = modules.listings;
    this.#pending = modules.pending;
    this.#writer = new BatchingWriter(frames);
  }

  /** Until the replica is done. @throws StrobeError of the stream, PROTOCOL_VIOLATION */
  async run(): Promise<void> {
    for (;;) {
      const bytes = await this.#frames.read();
      if (bytes === undefined) return;
      const frame = decodeLinkFrame(bytes);
      const done = this.#answer(frame.id, this.#call(frame.kind, frame.body));
      // A pooled transaction, or a page of them, is large: one at a time, so that a replica which does not read cannot pile them up.
      if (frame.kind === LINK_KIND.pooledTransaction || frame.kind === LINK_KIND.poolPage) await done;
      while (this.#running >= MAX_SERVED_LINK_REQUESTS) {
        await new Promise<void>((resolve) => {
          this.#onAnswer = resolve;
        });
      }
      if (this.#writer.queuedBytes > MAX_LINK_ANSWER_BACKLOG_BYTES) await this.#drain();
    }
  }

  offer(frame: Bytes): boolean {
    if (this.#isBehind || this.#writer.queuedBytes + frame.length > MAX_PENDING_PUSH_BACKLOG_BYTES) return false;
    this.#writer.push(frame);
    return true;
  }

  /** New transactions in between would keep it from ever becoming idle. */
  async #drain(): Promise<void> {
    this.#isBehind = true;
    await this.#writer.idle();
    this.#isBehind = false;
  }

  /** Never rejects. */
  async #answer(id: number, request: Promise<Answer>): Promise<void> {
    this.#running++;
    const answer = await request.catch(toAnswer);
    this.#running--;
    this.#writer.push(encodeLinkFrame({ ...answer, id }));
    this.#onAnswer?.();
  }

  async #listPool(list: () => Promise<Bytes>): Promise<Answer> {
    if (!this.#listings.take(1, performance.now())) {
      throw networkError('SEQUENCER_LINK_BUSY', 'the pool is asked for too often');
    }
    return value(await list());
  }

  /** @throws StrobeError PROTOCOL_VIOLATION before anything asynchronous happens */
  #call(kind: LinkKind, body: Bytes): Promise<Answer> {
    switch (kind) {
      case LINK_KIND.submit:
      case LINK_KIND.submitReady:
        return this.#core.call('serveSubmit', body, kind === LINK_KIND.submitReady).then(value);
      case LINK_KIND.pendingNonce:
        assertLength(body, 20);
        return this.#core.call('servePendingNonce', body).then((nonce) => value(encodeNonce(nonce)));
      case LINK_KIND.pooledTransaction:
        assertLength(body, 32);
        return this.#core.call('servePooledTransaction', body).then((raw) => (raw === undefined ? NOTHING : value(raw)));
      case LINK_KIND.poolCounts:
        assertLength(body, 0);
        return this.#listPool(async () => encodePoolCounts(await this.#core.call('servePoolCounts')));
      case LINK_KIND.poolPage: {
        const { from, sender } = decodePoolPageRequest(body);
        return this.#listPool(async () => encodePoolPage(await this.#core.call('servePoolPage', from, sender)));
      }
      case LINK_KIND.watchPool: {
        const watching = decodeWatch(body) ? this.#pending.add(this) : this.#pending.remove(this);
        return watching.then(() => NOTHING);
      }
      default:
        throw networkError('PROTOCOL_VIOLATION', 'an answer where a request belongs');
    }
  }
}

const NOTHING: Answer = { kind: LINK_KIND.nothing, body: EMPTY_BYTES };

const value = (body: Bytes): Answer => ({ kind: LINK_KIND.value, body });

/** Coded errors travel whole; what an unexpected error says stays here. */
function toAnswer(error: unknown): Answer {
  const known = toStrobeError(error);
  const told = known.code === 'INTERNAL_ERROR' ? new StrobeError(known.code, 'the sequencer failed to serve the request') : known;
  return { kind: LINK_KIND.error, body: encodeLinkError(told) };
}

function assertLength(body: Bytes, length: number): void {
  if (body.length !== length) throw networkError('PROTOCOL_VIOLATION', `a body of ${body.length} bytes, not ${length}`);
}
