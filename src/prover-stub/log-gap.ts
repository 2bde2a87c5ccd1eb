import type { SequencerMessage } from '../protocol/log-record.ts';
import type { MiniBlock } from '../protocol/mini-block.ts';
import type { PeerReader, SnapshotPeers } from '../protocol/ports/network.ts';
import { type BlockSeal, blockHashOf } from '../protocol/sequencer-messages.ts';
import { isStrobeError } from '../util/errors.ts';
import { itemsUntilAborted, untilAborted } from '../util/until-aborted.ts';
import type { Intake } from './gossip-intake.ts';
import type { ProvedBlock } from './progress-file.ts';
import type { ProverLimits, ProverLogger } from './prover-options.ts';

export interface LogGapModules {
  readonly offers: Pick<SnapshotPeers, 'offers'>;
  readonly peers: Pick<PeerReader, 'range'>;
  readonly intake: Pick<Intake, 'takeRecord'>;
  readonly logger: ProverLogger;
}

/** Ranges that are read for the first seal: the longest block at the shortest interval has 60. */
const MAX_RANGES = 64;

/**
 * Finds where a prover can go on whose next mini-blocks no peer has any more: it is new, or was away for so long that they
 * were pruned. Blocks that no prover has attested yet are in the logs: those that are passed over are safe.
 */
export class LogGap {
  readonly #limits: Pick<ProverLimits, 'rangeLimit'>;
  readonly #modules: LogGapModules;

  constructor(limits: Pick<ProverLimits, 'rangeLimit'>, modules: LogGapModules) {
    this.#limits = limits;
    this.#modules = modules;
  }

  /**
   * The block behind which the logs of peers begin, as one that nothing was said about.
   * @param lastNumber newest mini-block that is done here
   * @returns undefined when a peer's log reaches back to it, or nobody answers
   */
  async end(lastNumber: number, signal: AbortSignal): Promise<ProvedBlock | undefined> {
    const offers = (await untilAborted(this.#modules.offers.offers(), signal)) ?? [];
    const firsts = offers.flatMap(({ logFirst }) => (logFirst === undefined ? [] : [logFirst]));
    const first = Math.min(...firsts);
    if (firsts.length === 0 || first <= Math.max(1, lastNumber)) return undefined;
    try {
      return await this.#firstEnd(first, signal);
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#modules.logger.debug({ first, code: error.code }, `range request failed: ${error.message}`);
      return undefined;
    }
  }

  async #firstEnd(first: number, signal: AbortSignal): Promise<ProvedBlock | undefined> {
    let from = first;
    let oldest: MiniBlock | undefined;
    for (let ranges = 0; ranges < MAX_RANGES && !signal.aborted; ranges++) {
      let last = from;
      for await (const message of this.#messages(from, signal)) {
        if (message.kind === 'blockSeal') return endBefore(message.blockSeal, oldest);
        if (message.kind !== 'miniBlock') continue;
        oldest ??= message.miniBlock;
        last = message.miniBlock.envelope.number;
      }
      from = last + 1;
    }
    return undefined;
  }

  async *#messages(from: number, signal: AbortSignal): AsyncIterable<SequencerMessage> {
    const { peers, intake } = this.#modules;
    for await (const record of itemsUntilAborted(peers.range(from, this.#limits.rangeLimit), signal)) {
      const { message } = intake.takeRecord(record);
      if (message !== undefined) yield message;
    }
  }
}

/** The end of the sealed block; that of the block before it, when all of the sealed one is in the log. */
function endBefore(seal: BlockSeal, oldest: MiniBlock | undefined): ProvedBlock {
  const { epoch, header, firstNumber, lastNumber, lastDigest } = seal;
  if (oldest?.envelope.number !== firstNumber) {
    return { blockNumber: header.number, blockHash: blockHashOf(seal), epoch, lastNumber, lastDigest, attestation: undefined };
  }
  const { parentDigest } = oldest.envelope;
  return {
    ...{ blockNumber: header.number - 1, blockHash: header.parentHash, epoch },
    ...{ lastNumber: firstNumber - 1, lastDigest: parentDigest, attestation: undefined },
  };
}
