import type { ChainIdentity } from '../../protocol/genesis.ts';
import type { PeerOffers } from '../../protocol/ports/network.ts';
import type { Address } from '../../protocol/primitives.ts';
import { bytesEqual, toKey } from '../../util/bytes.ts';
import { errorMessage, isStrobeError } from '../../util/errors.ts';
import { untilAborted } from '../../util/until-aborted.ts';
import { Wakeup } from '../../util/wakeup.ts';
import type { FullNodeLogger } from '../full-node-options.ts';
import type { RangeOutcome } from '../range-sync.ts';
import { type AttestedOffer, attestedOffers } from './attested-offers.ts';
import { ChunkFetcher, type ChunkFetcherOptions } from './chunk-fetcher.ts';
import { SnapshotRepair } from './snapshot-repair.ts';
import type { IncomingSnapshot, SnapshotPhase, SnapshotProgress, SnapshotSyncModules } from './snapshot-sync-types.ts';
import { chooseSync, type SyncChoiceOptions, type SyncPoint } from './sync-choice.ts';

export interface SnapshotJoinOptions extends SyncChoiceOptions, Partial<SnapshotJoinTimes> {
  readonly identity: ChainIdentity;
  /** How long peers are asked for a snapshot to repair from while none of them offers one, ms. */
  readonly repairWithinMs: number;
}

interface SnapshotJoinTimes extends ChunkFetcherOptions {
  /** How long a decision for ranges holds while they bring something, ms. */
  readonly decideAgainMs: number;
  /** How long a snapshot that peers offer and do not give is left alone, ms. */
  readonly shunMs: number;
}

const DEFAULT_TIMES: SnapshotJoinTimes = {
  decideAgainMs: 10_000,
  shunMs: 60_000,
  retryMs: 250,
  lookAgainMs: 2_000,
  giveUpMs: 30_000,
  hedgeMs: 2_000,
};

/** Snapshots that were found false or are not given; the oldest may be tried again. */
const MAX_REMEMBERED = 256;

/**
 * Requests for ranges in a row that bring nothing, with peers there, behind which nobody is believed to have any: ten
 * seconds of trying, in which each of several peers had its turn.
 */
const MAX_FAILED_RANGES = 12;

export interface SnapshotJoinModules extends SnapshotSyncModules {
  readonly point: () => SyncPoint;
  readonly isHalted: () => boolean;
  readonly excludedProvers: () => readonly Address[];
  /** True for a safe block of this node from which on its log has everything. */
  readonly leadsOn: (offer: AttestedOffer) => Promise<boolean>;
  /** No peer offers what a wrong state could be replaced by; see {@link SnapshotJoin.repair}. */
  readonly onRepairFailed: (reason: string) => void;
  /** Why the node does not get on by ranges; undefined: it does, or may. */
  readonly onObstacle: (reason: (() => string) | undefined) => void;
  readonly logger: FullNodeLogger;
  readonly nowMs?: () => number;
}

/**
 * Decides whether a node that is behind goes on by ranges or from a snapshot of its peers, and takes that: the newest
 * whose block enough provers attested, from all peers that have it, checked against the attested header at the end.
 * Who gave something false is left out afterwards.
 */
export class SnapshotJoin {
  readonly #options: SnapshotJoinOptions & SnapshotJoinTimes;
  readonly #modules: Required<SnapshotJoinModules>;
  readonly #wanted = new Wakeup();
  /** Until when a snapshot is left alone, by content. */
  readonly #shunned = new Map<string, number>();
  #decidedAtMs = Number.NEGATIVE_INFINITY;
  #offer: AttestedOffer | undefined;
  #incoming: IncomingSnapshot | undefined;
  /** False until peers said what they have. */
  #hasDecided = false;
  #deciding: Promise<void> | undefined;
  /** In a row. */
  #failedRanges = 0;
  /** What was said last of why nothing helps. */
  #stuckBy: string | undefined;
  /** Why the last one was not taken. */
  #lastFailure: string | undefined;
  #fetcher: ChunkFetcher | undefined;
  #phase: SnapshotPhase | undefined;
  #refusedChunks = 0;
  /** The state here is wrong: a snapshot has to replace it. */
  #repair: SnapshotRepair | undefined;
  #keepsChain = false;

  constructor(options: SnapshotJoinOptions, modules: SnapshotJoinModules) {
    this.#options = { ...DEFAULT_TIMES, ...options };
    this.#modules = { nowMs: () => performance.now(), ...modules };
  }

  /** Undefined while none is taken. */
  progress(): SnapshotProgress | undefined {
    const incoming = this.#incoming;
    if (this.#offer === undefined || this.#phase === undefined) return undefined;
    const counts =
      incoming === undefined || this.#phase === 'manifest'
        ? { chunks: 0, totalChunks: 0, bytes: 0, totalBytes: 0 }
        : {
            chunks: incoming.chunks.length - incoming.missingCount,
            totalChunks: incoming.chunks.length,
            bytes: incoming.bytes,
            totalBytes: incoming.stateBytes,
          };
    return {
      phase: this.#phase,
      block: this.#offer.blockNumber,
      ...counts,
      peers: this.#fetcher?.sources ?? this.#offer.peers.length,
      refusedChunks: this.#refusedChunks,
    };
  }

  /**
   * True when ranges are to be asked for; false while a snapshot is taken. To be called before each request: the first
   * one waits for the decision, later ones are decided anew now and then beside the requests.
   */
  async allowsRanges(signal: AbortSignal): Promise<boolean> {
    const isDue = this.#modules.nowMs() - this.#decidedAtMs >= this.#options.decideAgainMs;
    if (this.#offer === undefined && isDue) {
      this.#deciding ??= this.#decide(signal).finally(() => {
        this.#deciding = undefined;
      });
    }
    if (!this.#hasDecided) await this.#deciding;
    return this.#offer === undefined && this.#repair === undefined;
  }

  /**
   * The state here is not what mini-block `number` was made for: from now on a snapshot is looked for that replaces it,
   * in place of ranges.
   * @returns false when this node takes none, or has taken one for this mini-block before
   */
  repair(number: number, why: string): boolean {
    if (this.#options.mode === 'full' || this.#modules.repaired === number) return false;
    this.#repair = new SnapshotRepair({ number, why, withinMs: this.#options.repairWithinMs }, this.#modules);
    this.#decidedAtMs = Number.NEGATIVE_INFINITY;
    this.#modules.onObstacle(() => this.#describe());
    return true;
  }

  async #decide(signal: AbortSignal): Promise<void> {
    const { point, nowMs, onObstacle } = this.#modules;
    const answers = (await untilAborted(this.#offers(), signal)) ?? [];
    // Nobody is there to ask yet: the next request asks again.
    if (answers.length === 0) {
      this.#failedRanges = 0;
      return;
    }
    if (!this.#hasDecided) await this.#resume();
    this.#decidedAtMs = nowMs();
    this.#hasDecided = true;
    const offers = this.#attested(answers);
    if (this.#repair !== undefined) return this.#decideRepair(this.#repair, offers);
    const rangesFail = this.#failedRanges >= MAX_FAILED_RANGES;
    const view = { answers, offers, rangesFail, isBegun: (offer: AttestedOffer) => this.#isBegun(offer) };
    const choice = chooseSync(point(), view, this.#options);
    if (choice.kind === 'snapshot') this.#begin(choice.offer);
    else if (choice.kind === 'stuck') this.#onStuck(choice.reason);
    else onObstacle(undefined);
  }

  async #decideRepair(repair: SnapshotRepair, offers: readonly AttestedOffer[]): Promise<void> {
    // It is decided anew as often as somebody wants to ask for ranges, which pauses between two tries.
    this.#decidedAtMs = Number.NEGATIVE_INFINITY;
    const choice = await repair.choose(this.#modules.point().headBlock, offers);
    if (choice === 'none') return;
    if (choice !== 'hopeless') {
      this.#keepsChain = choice.keepsChain;
      return this.#begin(choice.offer);
    }
    this.#repair = undefined;
    this.#modules.onObstacle(undefined);
    this.#modules.onRepairFailed('no peer offers an attested snapshot that this node could go on from');
  }

  /** None when the network is down: whoever runs that says so. */
  #offers(): Promise<readonly PeerOffers[]> {
    return this.#modules.peers.offers().catch((error: unknown) => {
      this.#modules.logger.debug({}, `peers do not say what they offer: ${errorMessage(error)}`);
      return [];
    });
  }

  /** Looks for what an earlier process began; it is of no use when the node has come further since. */
  async #resume(): Promise<void> {
    const { staging, point } = this.#modules;
    this.#incoming ??= await staging.resume();
    if (this.#incoming === undefined || this.#incoming.blockNumber > point().headBlock) return;
    this.#incoming = undefined;
    await staging.discard();
  }

  #onStuck(reason: string): void {
    const tried = this.#lastFailure === undefined ? '' : `; tried last: ${this.#lastFailure}`;
    const text = `${reason}${tried}`;
    if (text !== this.#stuckBy) this.#modules.logger.warn({}, `no way to sync: ${text}`);
    this.#stuckBy = text;
    this.#modules.onObstacle(() => `NO_WAY_TO_SYNC: ${text}`);
  }

  /** What a request for a range brought: behind one that brought nothing the next one is decided anew. */
  noteRange(outcome: RangeOutcome): void {
    if (outcome === 'failed') {
      this.#failedRanges++;
      this.#decidedAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#failedRanges = 0;
    // Whatever peers said of their logs: there is nothing that is not here.
    if (outcome === 'upToDate' && this.#offer === undefined && this.#repair === undefined) this.#modules.onObstacle(undefined);
  }

  /** Takes snapshots as they are decided for, until `signal` aborts. @throws StrobeError SNAPSHOT_FAILED */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        await this.#wanted.wait(signal);
        const offer = this.#offer;
        if (offer === undefined || signal.aborted) continue;
        if (await this.#take(offer, signal)) continue;
        this.#phase = undefined;
        this.#fetcher = undefined;
        this.#offer = undefined;
        this.#keepsChain = false;
        this.#modules.onObstacle(this.#repair === undefined ? undefined : () => this.#describe());
        this.#hasDecided = false;
        this.#decidedAtMs = Number.NEGATIVE_INFINITY;
      }
    } finally {
      await this.#modules.staging.close();
    }
  }

  #begin(offer: AttestedOffer): void {
    this.#offer = offer;
    this.#phase = 'manifest';
    this.#modules.onObstacle(() => this.#describe());
    this.#wanted.wake();
  }

  #describe(): string {
    const state = this.#repair === undefined ? 'BOOTSTRAPPING' : `REPAIRING after ${this.#repair.options.why}`;
    const progress = this.progress();
    if (progress === undefined) return `${state}: looking for a snapshot at peers`;
    const { block, chunks, totalChunks, peers, phase } = progress;
    const what = phase === 'chunks' ? `${chunks} of ${totalChunks} chunks, from ${peers} peers` : phase;
    return `${state}: taking the snapshot of block ${block} from peers: ${what}`;
  }

  #attested(answers: readonly PeerOffers[]): AttestedOffer[] {
    const now = this.#modules.nowMs();
    const usable = answers.filter(({ peer }) => !this.#modules.banned.has(peer));
    const isExcluded = (prover: Address) => this.#modules.excludedProvers().some((each) => bytesEqual(each, prover));
    return attestedOffers(usable, { ...this.#options, isExcluded }).filter(
      ({ contentDigest }) => (this.#shunned.get(toKey(contentDigest)) ?? 0) <= now,
    );
  }

  #isBegun({ contentDigest }: Pick<AttestedOffer, 'contentDigest'>): boolean {
    return this.#incoming !== undefined && bytesEqual(this.#incoming.contentDigest, contentDigest);
  }

  /** True when it was handed over. */
  async #take(offer: AttestedOffer, signal: AbortSignal): Promise<boolean> {
    const { logger, staging, onTaken } = this.#modules;
    const { blockNumber, attestations } = offer;
    logger.info({ block: blockNumber, peers: offer.peers.length }, 'taking a snapshot of the state from peers');
    try {
      const incoming = await this.#timed('manifest', () => this.#collectManifest(offer, signal));
      if (incoming === undefined || signal.aborted) return false;
      await this.#timed('chunks', () => this.#collectChunks(incoming, offer, signal));
      if (signal.aborted) return false;
      await this.#timed('check', () => staging.check(signal));
      if (signal.aborted || this.#modules.isHalted()) return false;
      this.#phase = 'switch';
      logger.info({ block: blockNumber, bytes: incoming.stateBytes }, 'the snapshot is complete and right');
      onTaken({ blockNumber, attestations, repairs: this.#repair?.options.number, keepsChain: this.#keepsChain });
      return true;
    } catch (error) {
      // What a stop cut off says nothing of the snapshot, which is gone on with at the next start.
      if (!signal.aborted) await this.#onFailure(error, offer);
      return false;
    }
  }

  async #timed<Result>(phase: SnapshotPhase, step: () => Promise<Result>): Promise<Result> {
    const { nowMs, metrics } = this.#modules;
    const startMs = nowMs();
    this.#phase = phase;
    const result = await step();
    metrics.recordPhase(phase, (nowMs() - startMs) / 1_000);
    return result;
  }

  /** Undefined when no peer gave one that is right. */
  async #collectManifest(offer: AttestedOffer, signal: AbortSignal): Promise<IncomingSnapshot | undefined> {
    const { staging, peers, logger } = this.#modules;
    const attestation = offer.attestations[0]?.attestation;
    if (attestation === undefined) return undefined;
    if (this.#incoming !== undefined && this.#isBegun(offer)) {
      this.#incoming.confirm(attestation);
      return this.#incoming;
    }
    for (const { peer, manifestBytes } of offer.peers) {
      try {
        const manifest = await untilAborted(peers.manifest(peer, offer.contentDigest, manifestBytes), signal);
        if (manifest === undefined) return undefined;
        this.#incoming = undefined;
        const incoming = await staging.begin(manifest, offer.contentDigest);
        this.#incoming = incoming;
        incoming.confirm(attestation);
        return incoming;
      } catch (error) {
        if (isStrobeError(error, 'SNAPSHOT_FAILED') || isStrobeError(error, 'SNAPSHOT_OF_FORK')) throw error;
        if (isFalse(error)) this.#ban(peer, 'FALSE_MANIFEST');
        logger.warn({ peer, block: offer.blockNumber }, `no manifest of a snapshot from a peer: ${errorMessage(error)}`);
      }
    }
    this.#shun(offer);
    return undefined;
  }

  async #collectChunks(incoming: IncomingSnapshot, offer: AttestedOffer, signal: AbortSignal): Promise<void> {
    const { peers, metrics, logger, nowMs } = this.#modules;
    this.#fetcher = new ChunkFetcher(this.#options, {
      ...{ incoming, peers, logger, nowMs, banned: this.#modules.banned },
      metrics: {
        ...metrics,
        recordRefusedChunk: () => {
          this.#refusedChunks++;
          metrics.recordRefusedChunk();
        },
      },
      whoHasIt: async () => {
        const answers = await this.#offers();
        const isIt = (digest: Uint8Array) => bytesEqual(digest, offer.contentDigest);
        const have = answers.filter(({ snapshots }) => snapshots.some(({ contentDigest }) => isIt(contentDigest)));
        return have.map(({ peer }) => peer);
      },
    });
    await this.#fetcher.run(signal);
  }

  async #onFailure(error: unknown, offer: AttestedOffer): Promise<void> {
    const { staging, logger } = this.#modules;
    const { blockNumber, contentDigest } = offer;
    this.#lastFailure = errorMessage(error);
    const message = `the snapshot of block ${blockNumber} is not taken: ${errorMessage(error)}`;
    if (isStrobeError(error, 'SNAPSHOT_UNAVAILABLE') || isStrobeError(error, 'SNAPSHOT_OF_FORK')) {
      logger.warn({ code: error.code, block: blockNumber }, message);
      this.#shun(offer);
      return;
    }
    if (!isFalse(error)) throw error;
    logger.error({ code: error.code, block: blockNumber }, `${message}; who offers it is left out`);
    this.#incoming = undefined;
    await staging.discard();
    const offering = (await this.#offers()).filter(({ snapshots }) =>
      snapshots.some((each) => bytesEqual(each.contentDigest, contentDigest)),
    );
    for (const peer of new Set([...offer.peers, ...offering].map(({ peer }) => peer))) this.#ban(peer, 'FALSE_SNAPSHOT');
  }

  #ban(peer: string, code: string): void {
    this.#modules.banned.add(peer);
    this.#modules.peers.report(peer, code);
  }

  #shun({ contentDigest }: AttestedOffer): void {
    this.#shunned.set(toKey(contentDigest), this.#modules.nowMs() + this.#options.shunMs);
    for (const oldest of this.#shunned.keys()) {
      if (this.#shunned.size <= MAX_REMEMBERED) return;
      this.#shunned.delete(oldest);
    }
  }
}

/** The contents are not what the attested block says: whoever offers them lies. */
function isFalse(error: unknown): error is { code: string; message: string } {
  return (
    isStrobeError(error, 'INVALID_SNAPSHOT') ||
    isStrobeError(error, 'STATE_ROOT_MISMATCH') ||
    isStrobeError(error, 'GENESIS_MISMATCH')
  );
}
