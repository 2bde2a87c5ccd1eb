import type { PeerReader } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { itemsUntilAborted } from '../util/until-aborted.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { FullNodeLimits, FullNodeLogger } from './full-node-options.ts';

export type RangeSyncOptions = Pick<FullNodeLimits, 'rangeLimit' | 'backoffMinMs' | 'backoffMaxMs'>;

/** What this node has and lacks. */
export interface SyncPosition {
  readonly epoch: number;
  readonly headNumber: number;
  /** True while the sequencer signed something that is not applied here. */
  readonly isBehind: boolean;
  /** Set while messages of an epoch come whose start is not known: it may lie anywhere above this mini-block. */
  readonly searchFrom: number | undefined;
  readonly isHalted: boolean;
}

/** What a piece of a range answer brought. */
export interface AppliedRange {
  /** Records that were new. */
  readonly applied: number;
  /** Highest mini-block number seen. */
  readonly lastNumber: number;
}

export interface RangeSyncModules {
  readonly peers: Pick<PeerReader, 'range' | 'heads' | 'refuse'>;
  readonly position: () => Promise<SyncPosition>;
  /** @throws StrobeError RANGE_INVALID for an answer that is the peer's fault; its meta says `isForged` when nobody honest sends it */
  readonly apply: (records: readonly Bytes[]) => Promise<AppliedRange>;
  /** Asked before each request: false while the node gets on by other means than ranges. */
  readonly isAllowed: (signal: AbortSignal) => Promise<boolean>;
  /** What a request brought. */
  readonly onOutcome: (outcome: RangeOutcome) => void;
  /** Peers have nothing that is not here. */
  readonly onUpToDate: () => void;
  readonly logger: FullNodeLogger;
  readonly metrics: FullNodeMetrics;
}

export type RangeOutcome = 'progress' | 'upToDate' | 'failed';

/** Records applied at once: one sync of the log for many small mini-blocks, while live messages get their turn. */
const MAX_PIECE_RECORDS = 256;
/** Bytes of records held at once. */
const MAX_PIECE_BYTES = 8 * 1024 * 1024;

/**
 * Fetches what is missing from peers, one request at a time, until they have nothing new. Requests start at the head
 * itself, since its block's seal and a new epoch's start stand behind it with the same number.
 */
export class RangeSync {
  readonly #options: RangeSyncOptions;
  readonly #modules: RangeSyncModules;
  readonly #wanted = new Wakeup();
  /** Where the search for an epoch's start goes on. */
  #searchedTo: number | undefined;
  #isSearching = false;

  constructor(options: RangeSyncOptions, modules: RangeSyncModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Something is missing. */
  want(): void {
    this.#wanted.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#wanted.wait(signal);
      await this.#catchUp(signal);
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    let backoffMs = this.#options.backoffMinMs;
    while (!signal.aborted) {
      const position = await this.#modules.position();
      if (position.isHalted) return;
      const isAllowed = await this.#modules.isAllowed(signal);
      const outcome = isAllowed && !signal.aborted ? await this.#request(position, signal) : 'failed';
      if (signal.aborted) return;
      if (isAllowed) {
        this.#modules.metrics.recordRange(outcome);
        this.#modules.onOutcome(outcome);
      }
      if (outcome === 'upToDate') return this.#modules.onUpToDate();
      if (outcome === 'progress') {
        backoffMs = this.#options.backoffMinMs;
        continue;
      }
      await this.#wanted.wait(signal, backoffMs);
      backoffMs = Math.min(backoffMs * 2, this.#options.backoffMaxMs);
    }
  }

  async #request(before: SyncPosition, signal: AbortSignal): Promise<RangeOutcome> {
    const from = this.#startOf(before);
    const { applied, lastNumber, failed } = await this.#readRange(from, signal);
    if (applied > 0) {
      this.#isSearching = false;
      return 'progress';
    }
    const after = await this.#modules.position();
    if (after.searchFrom !== undefined) return this.#searchOn(from, lastNumber);
    if (after.headNumber > before.headNumber) return 'progress';
    if (after.isBehind) return 'failed';
    return failed && !(await this.#arePeersNoFurther(after)) ? 'failed' : 'upToDate';
  }

  #startOf({ headNumber, searchFrom }: SyncPosition): number {
    if (searchFrom === undefined) this.#isSearching = false;
    if (!this.#isSearching || searchFrom === undefined) return headNumber;
    return Math.max(searchFrom, this.#searchedTo ?? searchFrom);
  }

  /** The answer from the head did not have the epoch's start: look for it from the safe block up. */
  #searchOn(from: number, lastNumber: number): RangeOutcome {
    const moved = this.#isSearching && lastNumber > from;
    const wasSearching = this.#isSearching;
    this.#isSearching = true;
    this.#searchedTo = moved ? lastNumber : undefined;
    return moved || !wasSearching ? 'progress' : 'failed';
  }

  async #readRange(from: number, signal: AbortSignal): Promise<AppliedRange & { failed: boolean }> {
    const answer = this.#modules.peers.range(from, this.#options.rangeLimit);
    const records = itemsUntilAborted(answer, signal);
    let applied = 0;
    let lastNumber = from;
    try {
      for (;;) {
        const { piece, end } = await readPiece(records);
        if (piece.length > 0) {
          const result = await this.#modules.apply(piece);
          applied += result.applied;
          lastNumber = Math.max(lastNumber, result.lastNumber);
        }
        if (end === undefined) continue;
        if (end.failure !== undefined) this.#modules.logger.debug({ from }, `range request failed: ${end.failure}`);
        return { applied, lastNumber, failed: end.failure !== undefined };
      }
    } catch (error) {
      if (!isStrobeError(error, 'RANGE_INVALID')) throw error;
      this.#modules.peers.refuse(answer, { code: error.code, isForged: error.meta['isForged'] === true });
      this.#modules.logger.warn({ from, ...error.meta }, `a peer's range answer is no good: ${error.message}`);
      return { applied, lastNumber, failed: true };
    } finally {
      await records.return();
    }
  }

  /** "Too high" and "nobody has it" look alike; peers that are not ahead of us make it the former. */
  async #arePeersNoFurther({ epoch, headNumber }: SyncPosition): Promise<boolean> {
    const heads = await this.#modules.peers.heads();
    return heads.length > 0 && heads.every((head) => head.epoch <= epoch && head.number <= headNumber);
  }
}

interface RangePiece {
  readonly piece: readonly Bytes[];
  /** Set when the answer ended, with the reason when it broke off. */
  readonly end: { readonly failure: string | undefined } | undefined;
}

async function readPiece(records: AsyncIterator<Bytes, void>): Promise<RangePiece> {
  const piece: Bytes[] = [];
  let bytes = 0;
  try {
    while (piece.length < MAX_PIECE_RECORDS && bytes < MAX_PIECE_BYTES) {
      const next = await records.next();
      if (next.done) return { piece, end: { failure: undefined } };
      piece.push(next.value);
      bytes += next.value.length;
    }
    return { piece, end: undefined };
  } catch (error) {
    return { piece, end: { failure: errorMessage(error) } };
  }
}
