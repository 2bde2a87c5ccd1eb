import type { PeerReader } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { itemsUntilAborted, untilAborted } from '../util/until-aborted.ts';
import type { Wakeup } from '../util/wakeup.ts';
import type { AssembledBlock, BlockAssembler } from './block-assembler.ts';
import type { Intake, TakenRecord } from './gossip-intake.ts';
import type { LogGap } from './log-gap.ts';
import type { ProvedBlock } from './progress-file.ts';
import type { ProverLimits, ProverLogger } from './prover-options.ts';

export type BlockSupplyLimits = Pick<
  ProverLimits,
  'gossipGraceMs' | 'backoffMinMs' | 'backoffMaxMs' | 'pollMs' | 'rangeLimit' | 'rangeAttempts'
>;

export interface BlockSupplyModules {
  readonly assembler: BlockAssembler;
  readonly intake: Pick<Intake, 'takeRecord'>;
  readonly peers: Pick<PeerReader, 'range' | 'heads' | 'refuse'>;
  readonly gap: Pick<LogGap, 'end'>;
  readonly news: Wakeup;
  readonly logger: ProverLogger;
}

/** No peer has what comes next: it goes on behind this block. */
export interface GapInLogs {
  readonly goOnBehind: ProvedBlock;
}

/** What a range request brought. */
interface RangeAnswer {
  /** Highest mini-block number in it; undefined when nobody answered. */
  readonly lastNumber: number | undefined;
  /** The buffers took no more. */
  readonly isFull: boolean;
}

/** Gets the next block: from gossip, and from peers what gossip does not bring in time. */
export class BlockSupply {
  readonly #limits: BlockSupplyLimits;
  readonly #modules: BlockSupplyModules;
  #isCaughtUp = false;

  constructor(limits: BlockSupplyLimits, modules: BlockSupplyModules) {
    this.#limits = limits;
    this.#modules = modules;
  }

  /** Peers were asked and had nothing that was missing here. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** @returns undefined when `signal` aborts, and when the next block can never be put together */
  async next(signal: AbortSignal): Promise<AssembledBlock | GapInLogs | undefined> {
    const { assembler } = this.#modules;
    while (!signal.aborted) {
      const block = assembler.next();
      if (block !== undefined || assembler.isNextTooLarge()) return block;
      // Whatever was missed while this process was down comes first.
      if (this.#isCaughtUp) await this.#awaitGossip(signal);
      if (assembler.next() !== undefined || assembler.isNextTooLarge()) continue;
      const goOnBehind = await this.#askPeers(signal);
      if (goOnBehind !== undefined) return { goOnBehind };
    }
    return undefined;
  }

  /** Ends when the block is there, when something is missing for too long, or when all is silent for long. */
  async #awaitGossip(signal: AbortSignal): Promise<void> {
    const { assembler } = this.#modules;
    const silentUntil = performance.now() + this.#limits.pollMs;
    let behindSince: number | undefined;
    while (!signal.aborted && assembler.next() === undefined) {
      const now = performance.now();
      behindSince = assembler.isBehind() ? (behindSince ?? now) : undefined;
      const until = Math.min(silentUntil, (behindSince ?? silentUntil) + this.#limits.gossipGraceMs);
      if (now >= until) return;
      await this.#modules.news.wait(signal, until - now);
    }
  }

  /**
   * Goes on until the block is there, or peers have no more than what is here.
   * @returns where to go on when peers have what is needed no more
   */
  async #askPeers(signal: AbortSignal): Promise<ProvedBlock | undefined> {
    const { assembler, news, gap } = this.#modules;
    let backoffMs = this.#limits.backoffMinMs;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const answered = await this.#readOn(signal);
      if (assembler.next() !== undefined || assembler.isNextTooLarge()) return undefined;
      if (answered && !assembler.isBehind()) {
        this.#isCaughtUp = true;
        return undefined;
      }
      const isTimeToDoubt = !answered && attempt % this.#limits.rangeAttempts === 0;
      const end = isTimeToDoubt ? await gap.end(assembler.position.lastNumber, signal) : undefined;
      if (end !== undefined && end.blockNumber > assembler.position.blockNumber) return end;
      // They begin right behind what is done, where no range reaches that begins at its last mini-block.
      if (end !== undefined) await this.#readOn(signal, assembler.position.lastNumber + 1);
      const isHere = (): boolean => assembler.next() !== undefined;
      if (await news.waitUntil(isHere, signal, backoffMs)) return undefined;
      backoffMs = Math.min(backoffMs * 2, this.#limits.backoffMaxMs);
    }
    return undefined;
  }

  /**
   * Reads range after range from the end of the newest block that is done, as a new epoch's start stands right there.
   * @returns true when peers have answered, even if only that they are no further
   */
  async #readOn(signal: AbortSignal, first = Math.max(1, this.#modules.assembler.position.lastNumber)): Promise<boolean> {
    let from = first;
    for (;;) {
      const { lastNumber, isFull } = await this.#readRange(from, signal);
      if (lastNumber === undefined) return this.#arePeersNoFurther(signal);
      if (isFull || lastNumber <= from || signal.aborted) return true;
      from = lastNumber;
    }
  }

  async #readRange(from: number, signal: AbortSignal): Promise<RangeAnswer> {
    const { peers, logger } = this.#modules;
    const answer = peers.range(from, this.#limits.rangeLimit);
    let lastNumber = 0;
    try {
      for await (const record of itemsUntilAborted(answer, signal)) {
        const taken = this.#takeOrRefuse(record, answer);
        lastNumber = Math.max(lastNumber, taken.number);
        if (!taken.hasRoom && this.#isNextSealed()) return { lastNumber, isFull: true };
      }
      return { lastNumber, isFull: false };
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      logger.debug({ from, code: error.code }, `range request failed: ${error.message}`);
      return { lastNumber: undefined, isFull: false };
    }
  }

  /** @throws StrobeError of `takeRecord` */
  #takeOrRefuse(record: Bytes, answer: object): TakenRecord {
    try {
      return this.#modules.intake.takeRecord(record);
    } catch (error) {
      if (isStrobeError(error)) this.#modules.peers.refuse(answer, { code: error.code, isForged: true });
      throw error;
    }
  }

  /** Without its seal a block that is larger than the buffers could not be passed over. */
  #isNextSealed(): boolean {
    const { assembler } = this.#modules;
    return assembler.seal(assembler.position.blockNumber + 1) !== undefined;
  }

  async #arePeersNoFurther(signal: AbortSignal): Promise<boolean> {
    const heads = (await untilAborted(this.#modules.peers.heads(), signal)) ?? [];
    const { lastNumber } = this.#modules.assembler.position;
    return heads.length > 0 && heads.every((head) => head.number <= lastNumber);
  }
}
