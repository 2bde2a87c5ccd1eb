import type { SnapshotPeers } from '../../protocol/ports/network.ts';
import { errorMessage, isStrobeError, StrobeError } from '../../util/errors.ts';
import { untilAborted } from '../../util/until-aborted.ts';
import { Wakeup } from '../../util/wakeup.ts';
import type { FullNodeLogger } from '../full-node-options.ts';
import type { BannedPeers } from './banned-peers.ts';
import type { IncomingSnapshot, SnapshotSyncMetrics } from './snapshot-sync-types.ts';

export interface ChunkFetcherOptions {
  /** Pause before a peer that failed or had to wait is asked again, ms. */
  readonly retryMs: number;
  /** How often peers are asked anew who has the snapshot, ms. */
  readonly lookAgainMs: number;
  /** Time without a new chunk behind which it is given up, ms. */
  readonly giveUpMs: number;
  /** Time behind which the last chunks are asked of a second peer, ms. */
  readonly hedgeMs: number;
}

export interface ChunkFetcherModules {
  readonly incoming: IncomingSnapshot;
  readonly peers: Pick<SnapshotPeers, 'chunk' | 'report'>;
  /** Names of the peers that have this snapshot now. */
  readonly whoHasIt: () => Promise<readonly string[]>;
  readonly banned: BannedPeers;
  readonly metrics: Pick<SnapshotSyncMetrics, 'recordChunk' | 'recordRefusedChunk'>;
  readonly logger: FullNodeLogger;
  /** ms of a clock that only goes forward. */
  readonly nowMs: () => number;
}

/** Requests of one peer under way: one is sent while the next is read from its disk. */
const MAX_PER_PEER = 3;
/** Requests under way in all: bounds the memory of chunks that arrive, 4 MiB each at most. */
const MAX_IN_FLIGHT = 12;
/** Failures in a row behind which a peer is not asked again until it offers the snapshot anew. */
const MAX_FAILURES = 3;

interface Source {
  inFlight: number;
  failures: number;
  /** It is not asked before. */
  pausedUntilMs: number;
}

/** A chunk that was asked for and has not come. */
interface Asked {
  readonly sinceMs: number;
  readonly peers: Set<string>;
}

/**
 * Fetches the missing chunks of a snapshot from all peers that have it at once. Whatever a peer does costs at most time:
 * a wrong chunk ends its part in this, a slow or silent one is overtaken by others, one that left is forgotten.
 */
export class ChunkFetcher {
  readonly #options: ChunkFetcherOptions;
  readonly #modules: ChunkFetcherModules;
  readonly #sources = new Map<string, Source>();
  readonly #waiting: number[];
  readonly #asked = new Map<number, Asked>();
  readonly #changed = new Wakeup();
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #progressAtMs: number;
  #looking = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ChunkFetcherOptions, modules: ChunkFetcherModules) {
    this.#options = options;
    this.#modules = modules;
    this.#waiting = modules.incoming.missing().toReversed();
    this.#progressAtMs = modules.nowMs();
  }

  /** Peers that are asked. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Resolves when no chunk is missing, or `signal` aborts.
   * @throws StrobeError SNAPSHOT_UNAVAILABLE when peers do not give it; SNAPSHOT_FAILED
   */
  async run(signal: AbortSignal): Promise<void> {
    const { incoming, nowMs } = this.#modules;
    const { retryMs, lookAgainMs, giveUpMs, hedgeMs } = this.#options;
    while (!signal.aborted && incoming.missingCount > 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const now = nowMs();
      if (now - this.#lookedAtMs >= lookAgainMs) this.#look(signal);
      if (now - this.#progressAtMs > giveUpMs) throw this.#unavailable();
      this.#ask(signal);
      await this.#changed.wait(signal, Math.min(retryMs, lookAgainMs, hedgeMs));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Looks in the background who has it: chunks go on coming meanwhile. */
  #look(signal: AbortSignal): void {
    if (this.#looking) return;
    this.#looking = true;
    untilAborted(this.#modules.whoHasIt(), signal)
      .then((peers) => this.#setSources(peers ?? []))
      .catch((error: unknown) => this.#modules.logger.debug({}, `peers do not say what they have: ${errorMessage(error)}`))
      .finally(() => {
        this.#looking = false;
        this.#lookedAtMs = this.#modules.nowMs();
        this.#changed.wake();
      });
  }

  #setSources(peers: readonly string[]): void {
    for (const peer of this.#sources.keys()) if (!peers.includes(peer)) this.#sources.delete(peer);
    for (const peer of peers) {
      if (this.#sources.has(peer) || this.#modules.banned.has(peer)) continue;
      this.#sources.set(peer, { inFlight: 0, failures: 0, pausedUntilMs: 0 });
    }
  }

  /** Fills every free place with a request: the least busy peer first. */
  #ask(signal: AbortSignal): void {
    const now = this.#modules.nowMs();
    for (let free = MAX_IN_FLIGHT - this.#inFlight(); free > 0; free--) {
      const idle = [...this.#sources].filter(
        ([, { inFlight, pausedUntilMs }]) => inFlight < MAX_PER_PEER && pausedUntilMs <= now,
      );
      idle.sort(([, a], [, b]) => a.inFlight - b.inFlight);
      const next = this.#nextFor(idle, now);
      if (next === undefined) return;
      const [index, peer, source] = next;
      const asked = this.#asked.get(index) ?? { sinceMs: now, peers: new Set<string>() };
      asked.peers.add(peer);
      this.#asked.set(index, asked);
      source.inFlight++;
      void this.#fetch(index, peer, source, signal);
    }
  }

  #inFlight(): number {
    let count = 0;
    for (const { peers } of this.#asked.values()) count += peers.size;
    return count;
  }

  /** A chunk that nobody was asked for; at the end one that is late, of a second peer. */
  #nextFor(idle: readonly [string, Source][], now: number): [number, string, Source] | undefined {
    const [first] = idle;
    if (first === undefined) return undefined;
    const index = this.#waiting.pop();
    if (index !== undefined) return [index, ...first];
    for (const [late, { sinceMs, peers }] of this.#asked) {
      if (now - sinceMs < this.#options.hedgeMs || peers.size > 1) continue;
      const other = idle.find(([peer]) => !peers.has(peer));
      if (other !== undefined) return [late, ...other];
    }
    return undefined;
  }

  /** Never rejects. */
  async #fetch(index: number, peer: string, source: Source, signal: AbortSignal): Promise<void> {
    const { incoming, peers } = this.#modules;
    try {
      const length = incoming.chunks[index]?.length ?? 0;
      const chunk = await untilAborted(peers.chunk(peer, incoming.contentDigest, index, length), signal);
      if (chunk !== undefined) await this.#take(index, chunk, peer, source);
    } catch (error) {
      this.#noteFailure(error, peer, source);
    }
    source.inFlight--;
    this.#giveBack(index, peer);
    this.#changed.wake();
  }

  async #take(index: number, chunk: Uint8Array, peer: string, source: Source): Promise<void> {
    const { incoming, peers, banned, metrics, logger } = this.#modules;
    const isNew = !incoming.has(index);
    try {
      if (await incoming.add(index, chunk)) {
        source.failures = 0;
        if (!isNew) return;
        this.#progressAtMs = this.#modules.nowMs();
        metrics.recordChunk(chunk.length);
        return;
      }
    } catch (error) {
      // Our own disk, and nothing that another peer would help with.
      this.#failure = { error };
      return;
    }
    metrics.recordRefusedChunk();
    banned.add(peer);
    this.#sources.delete(peer);
    peers.report(peer, 'FALSE_CHUNK');
    logger.warn({ peer, block: incoming.blockNumber, chunk: index }, 'a peer gave a false chunk of a snapshot');
  }

  #noteFailure(error: unknown, peer: string, source: Source): void {
    const { logger, nowMs, incoming } = this.#modules;
    source.pausedUntilMs = nowMs() + this.#options.retryMs;
    // It keeps its word, just not now.
    if (isStrobeError(error, 'PEER_BUSY')) return;
    source.failures++;
    logger.debug({ peer, block: incoming.blockNumber }, `a chunk did not come: ${errorMessage(error)}`);
    if (isStrobeError(error, 'NOT_KEPT') || source.failures >= MAX_FAILURES) this.#sources.delete(peer);
  }

  /** The request is over: unless its chunk came, it is due again. */
  #giveBack(index: number, peer: string): void {
    const asked = this.#asked.get(index);
    asked?.peers.delete(peer);
    if (asked === undefined || asked.peers.size > 0) return;
    this.#asked.delete(index);
    if (!this.#modules.incoming.has(index)) this.#waiting.push(index);
  }

  #unavailable(): StrobeError<'SNAPSHOT_UNAVAILABLE'> {
    const { blockNumber } = this.#modules.incoming;
    return new StrobeError('SNAPSHOT_UNAVAILABLE', `peers do not give the snapshot of block ${blockNumber}`, { blockNumber });
  }
}
