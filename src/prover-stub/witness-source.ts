import type { PeerReader } from '../protocol/ports/network.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { untilAborted } from '../util/until-aborted.ts';
import type { Wakeup } from '../util/wakeup.ts';
import { assertWitnessDigest } from './block-job.ts';
import type { ProverLimits, ProverLogger } from './prover-options.ts';
import type { WitnessBuffer } from './witness-buffer.ts';

export type WitnessSourceLimits = Pick<ProverLimits, 'gossipGraceMs' | 'backoffMinMs' | 'backoffMaxMs' | 'witnessAttempts'>;

export interface WitnessSourceModules {
  readonly buffer: WitnessBuffer;
  readonly peers: Pick<PeerReader, 'witness' | 'refuse'>;
  readonly news: Wakeup;
  /** Newest sealed block that is known of. */
  readonly seenBlock: () => number;
  readonly logger: ProverLogger;
}

/** When to stop asking. */
export interface WitnessDemand {
  readonly signal: AbortSignal;
  /** False once a new epoch has given the block up. */
  readonly isWanted: () => boolean;
}

/** Gets the witness of a block: from gossip, else from peers. */
export class WitnessSource {
  readonly #limits: WitnessSourceLimits;
  readonly #modules: WitnessSourceModules;
  /** Peers were found to have newer witnesses only: they have pruned, and the next block's will be gone as well. */
  #isPruned = false;

  constructor(limits: WitnessSourceLimits, modules: WitnessSourceModules) {
    this.#limits = limits;
    this.#modules = modules;
  }

  /**
   * @returns undefined when peers have it no more though they have a newer one, or when it is not wanted any more; as
   * long as nobody answers it goes on asking
   */
  async get(seal: BlockSeal, demand: WitnessDemand): Promise<Bytes | undefined> {
    await this.#awaitGossip(seal, demand, this.#limits.gossipGraceMs);
    let backoffMs = this.#limits.backoffMinMs;
    for (let attempt = 1; isOpen(demand); attempt++) {
      const witness = this.#modules.buffer.get(seal) ?? (await this.#askOnce(seal, demand.signal));
      if (witness !== undefined) {
        this.#isPruned = false;
        return witness;
      }
      const isTimeToDoubt = this.#isPruned || attempt % this.#limits.witnessAttempts === 0;
      if (isTimeToDoubt && (await this.#arePeersPruned(seal, demand.signal))) return undefined;
      await this.#awaitGossip(seal, demand, backoffMs);
      backoffMs = Math.min(backoffMs * 2, this.#limits.backoffMaxMs);
    }
    return undefined;
  }

  async #awaitGossip(seal: BlockSeal, demand: WitnessDemand, timeoutMs: number): Promise<void> {
    const { buffer, news } = this.#modules;
    await news.waitUntil(() => !isOpen(demand) || buffer.isComplete(seal), demand.signal, timeoutMs);
  }

  /** A stop does not wait for a peer that is silent. */
  async #askOnce(seal: BlockSeal, signal: AbortSignal): Promise<Bytes | undefined> {
    const { peers, logger } = this.#modules;
    const blockNumber = seal.header.number;
    try {
      const witness = await untilAborted(peers.witness(blockNumber), signal);
      return witness && this.#sealedOrRefused(witness, seal);
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      logger.debug({ blockNumber, code: error.code }, `no witness from peers: ${errorMessage(error)}`);
      return undefined;
    }
  }

  /** @throws StrobeError WITNESS_DIGEST_MISMATCH */
  #sealedOrRefused(witness: Bytes, seal: BlockSeal): Bytes {
    try {
      assertWitnessDigest(witness, seal);
      return witness;
    } catch (error) {
      // It may be that of another block with this number, of an epoch that the peer still follows.
      if (isStrobeError(error)) this.#modules.peers.refuse(witness, { code: error.code, isForged: false });
      throw error;
    }
  }

  /** Peers that give a newer block's witness and not this one's have dropped this one. */
  async #arePeersPruned(seal: BlockSeal, signal: AbortSignal): Promise<boolean> {
    const newest = this.#modules.seenBlock();
    if (newest <= seal.header.number) return false;
    try {
      this.#isPruned = (await untilAborted(this.#modules.peers.witness(newest), signal)) !== undefined;
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#isPruned = false;
    }
    return this.#isPruned;
  }
}

function isOpen({ signal, isWanted }: WitnessDemand): boolean {
  return !signal.aborted && isWanted();
}
