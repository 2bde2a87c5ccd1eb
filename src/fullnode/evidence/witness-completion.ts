import type { PeerReader } from '../../protocol/ports/network.ts';
import type { BlockSeal } from '../../protocol/sequencer-messages.ts';
import type { Bytes } from '../../util/bytes.ts';
import { errorMessage, isStrobeError } from '../../util/errors.ts';
import { untilAborted } from '../../util/until-aborted.ts';
import { Wakeup } from '../../util/wakeup.ts';
import type { FullNodeLogger } from '../full-node-options.ts';
import { isSealedWitness, type WitnessAssembler } from '../witness-assembler.ts';
import { boundedContext } from './evidence.ts';
import type { EvidenceStore } from './evidence-store.ts';

export interface WitnessCompletionModules {
  readonly evidence: EvidenceStore;
  readonly witnesses: Pick<WitnessAssembler, 'complete'>;
  readonly peers: Pick<PeerReader, 'witness'>;
  readonly logger: FullNodeLogger;
}

/** Requests to peers: whoever sealed the block lets its witness go around within seconds, or never. */
const MAX_ATTEMPTS = 6;

/**
 * A wrong seal halts the node before the block's witness is here, though the witness is what proves it wrong to others:
 * it is asked for afterwards and added to the evidence.
 */
export class WitnessCompletion {
  readonly #pauseMs: number;
  readonly #modules: WitnessCompletionModules;

  /** @param pauseMs time between two requests */
  constructor(pauseMs: number, modules: WitnessCompletionModules) {
    this.#pauseMs = pauseMs;
    this.#modules = modules;
  }

  /** Ends when the witness was added, cannot be had, or `signal` aborts. */
  async complete(position: number, seal: BlockSeal, signal: AbortSignal): Promise<void> {
    const { evidence, witnesses, logger } = this.#modules;
    const blockNumber = seal.header.number;
    const pause = new Wakeup();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !signal.aborted; attempt++) {
      const witness = witnesses.complete(seal) ?? (await this.#ask(seal, signal));
      const known = evidence.list()[position];
      if (witness !== undefined && known !== undefined) {
        await evidence.replace(position, { ...known, ...boundedContext({ witness }) });
        logger.info({ blockNumber }, 'the witness of the wrong block was added to the evidence');
        return;
      }
      await pause.wait(signal, this.#pauseMs);
    }
    if (!signal.aborted)
      logger.warn({ blockNumber }, 'no peer has the witness of the wrong block: the evidence stays without it');
  }

  async #ask(seal: BlockSeal, signal: AbortSignal): Promise<Bytes | undefined> {
    const blockNumber = seal.header.number;
    try {
      const witness = await untilAborted(this.#modules.peers.witness(blockNumber), signal);
      return witness !== undefined && isSealedWitness(witness, seal) ? witness : undefined;
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#modules.logger.debug({ blockNumber }, `no witness for the evidence yet: ${errorMessage(error)}`);
      return undefined;
    }
  }
}
