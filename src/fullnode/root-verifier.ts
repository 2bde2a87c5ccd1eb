import type { ChainReader } from '../protocol/ports/chain.ts';
import type { PeerReader } from '../protocol/ports/network.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { untilAborted } from '../util/until-aborted.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { BlockDiffs } from './block-diffs.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { FullNodeLimits, FullNodeLogger, WitnessVerifier } from './full-node-options.ts';
import type { SealedBlock, SealedBlocks } from './sealed-blocks.ts';
import { isSealedWitness, type WitnessAssembler } from './witness-assembler.ts';

export type RootVerifierOptions = Pick<FullNodeLimits, 'witnessGraceMs' | 'backoffMinMs' | 'backoffMaxMs'>;

export interface RootVerifierModules {
  readonly chain: Pick<ChainReader, 'head' | 'safeNumber' | 'blockStatus'>;
  readonly sealedBlocks: SealedBlocks;
  readonly blockDiffs: BlockDiffs;
  readonly witnesses: WitnessAssembler;
  /** Keeps a witness that proved its block, for peers. */
  readonly keepWitness?: (blockNumber: number, witness: Bytes) => Promise<void>;
  readonly peers: Pick<PeerReader, 'witness' | 'refuse'>;
  readonly verifyWitness: WitnessVerifier;
  readonly logger: FullNodeLogger;
  readonly metrics: FullNodeMetrics;
  /** Called in block order for a root that is proven; false: the block was undone meanwhile. */
  readonly onVerified: (block: SealedBlock, witness: Bytes) => Promise<boolean>;
  /** Called when a witness proves that the sealed root is wrong; false: the block was undone meanwhile. */
  readonly onWrongRoot: (block: SealedBlock, reason: string, witness: Bytes) => Promise<boolean>;
}

type Outcome = 'verified' | 'wrong' | 'waiting';

/**
 * Proves the state root of each sealed block from its witness, in block order and beside the application of
 * mini-blocks. A block whose witness cannot be had is tried again: until then no block above it becomes safe.
 */
export class RootVerifier {
  readonly #options: RootVerifierOptions;
  readonly #modules: RootVerifierModules;
  readonly #wakeup = new Wakeup();
  #verifiedThrough: number;
  /** Counts undoings: what was found of a block before one says nothing about the block that has its number now. */
  #generation = 0;
  /** A witness that no peer gave, and when they are asked for it again. */
  #refused: { readonly blockNumber: number; readonly waitMs: number; readonly untilMs: number } | undefined;

  constructor(options: RootVerifierOptions, modules: RootVerifierModules) {
    this.#options = options;
    this.#modules = modules;
    this.#verifiedThrough = modules.chain.safeNumber() ?? 0;
  }

  /** Newest block of the unbroken run whose roots are proven. */
  verifiedThrough(): number {
    return this.#verifiedThrough;
  }

  /** A block was sealed, or a witness chunk came. */
  wake(): void {
    this.#wakeup.wake();
  }

  /** Blocks above `blockNumber` were undone. */
  resetTo(blockNumber: number): void {
    this.#generation++;
    this.#verifiedThrough = Math.min(this.#verifiedThrough, blockNumber);
  }

  /** Works until `signal` aborts or a root is proven wrong. */
  async run(signal: AbortSignal): Promise<void> {
    let backoffMs = this.#options.backoffMinMs;
    while (!signal.aborted) {
      const next = this.#verifiedThrough + 1;
      if (next > this.#modules.chain.head().header.number) {
        await this.#wakeup.wait(signal);
        continue;
      }
      const outcome = await this.#tryNext(next, signal);
      if (outcome === 'wrong') return;
      if (outcome === 'waiting') await this.#wakeup.wait(signal, backoffMs);
      backoffMs = outcome === 'waiting' ? Math.min(backoffMs * 2, this.#options.backoffMaxMs) : this.#options.backoffMinMs;
      // Proving is long synchronous work: everything that arrived meanwhile goes first.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #tryNext(blockNumber: number, signal: AbortSignal): Promise<Outcome> {
    try {
      return await this.#verifyNext(blockNumber, signal);
    } catch (error) {
      // The log was cut by an undo while it was read: the next try sees the new chain.
      if (isStrobeError(error, 'LOG_CHANGED')) return 'waiting';
      throw error;
    }
  }

  async #verifyNext(blockNumber: number, signal: AbortSignal): Promise<Outcome> {
    const { chain, sealedBlocks } = this.#modules;
    const generation = this.#generation;
    const isUndone = (): boolean => generation !== this.#generation;
    if ((await chain.blockStatus(blockNumber))?.rootVerified) return isUndone() ? 'waiting' : this.#advance(blockNumber);
    const block = await sealedBlocks.get(blockNumber);
    if (block === undefined) return 'waiting';
    const witness = await this.#findWitness(block.seal, signal);
    if (witness === undefined) return 'waiting';
    const outcome = await this.#prove(block, witness);
    if (outcome !== 'verified') return outcome;
    await this.#modules.keepWitness?.(blockNumber, witness);
    return isUndone() ? 'waiting' : this.#advance(blockNumber);
  }

  #advance(blockNumber: number): Outcome {
    const { blockDiffs, witnesses } = this.#modules;
    blockDiffs.release(blockNumber);
    witnesses.releaseUpTo(blockNumber);
    if (this.#verifiedThrough === blockNumber - 1) this.#verifiedThrough = blockNumber;
    return 'verified';
  }

  async #findWitness(seal: BlockSeal, signal: AbortSignal): Promise<Bytes | undefined> {
    const { chain, witnesses, peers, logger } = this.#modules;
    const blockNumber = seal.header.number;
    const isNewest = (): boolean => blockNumber === chain.head().header.number;
    const deadline = performance.now() + this.#options.witnessGraceMs;
    for (;;) {
      const gossiped = witnesses.complete(seal);
      if (gossiped !== undefined) return gossiped;
      const remainingMs = deadline - performance.now();
      // Only the newest block's chunks can still be on their way.
      if (!isNewest() || remainingMs <= 0 || signal.aborted) break;
      await this.#wakeup.wait(signal, remainingMs);
    }
    // Whatever wakes this loop meanwhile: peers answer so many requests a second and no more.
    if (this.#refused?.blockNumber === blockNumber && performance.now() < this.#refused.untilMs) return undefined;
    try {
      const witness = await untilAborted(peers.witness(blockNumber), signal);
      if (witness === undefined || isSealedWitness(witness, seal)) return witness;
      // It may be that of another block with this number, of an epoch that the peer still follows.
      peers.refuse(witness, { code: 'WITNESS_DIGEST_MISMATCH', isForged: false });
      logger.warn({ blockNumber }, 'a peer sent a witness that is not the sealed one');
    } catch (error) {
      logger.debug({ blockNumber }, `no witness yet: ${errorMessage(error)}`);
    }
    this.#noteRefused(blockNumber);
    return undefined;
  }

  #noteRefused(blockNumber: number): void {
    const { backoffMinMs, backoffMaxMs } = this.#options;
    const before = this.#refused?.blockNumber === blockNumber ? this.#refused.waitMs : 0;
    const waitMs = Math.min(Math.max(before * 2, backoffMinMs), backoffMaxMs);
    this.#refused = { blockNumber, waitMs, untilMs: performance.now() + waitMs };
  }

  async #prove(block: SealedBlock, witness: Bytes): Promise<Outcome> {
    const { blockDiffs, verifyWitness, metrics, logger, onVerified, onWrongRoot } = this.#modules;
    const { header } = block.seal;
    const diffBytes = await blockDiffs.get(header.number);
    if (diffBytes === undefined) return 'waiting';
    const startedMs = performance.now();
    try {
      await verifyWitness(witness, { preStateRoot: block.preStateRoot, postStateRoot: header.stateRoot, diffBytes });
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      if (error.code === 'STATE_ROOT_MISMATCH') return (await onWrongRoot(block, error.message, witness)) ? 'wrong' : 'waiting';
      // The sealed witness proves nothing: nobody can tell the root wrong or right by it, so the block stays unproven.
      logger.error({ blockNumber: header.number, code: error.code }, `the sealed witness proves nothing: ${error.message}`);
      return 'waiting';
    }
    metrics.recordRootVerified((performance.now() - startedMs) / 1_000);
    return (await onVerified(block, witness)) ? 'verified' : 'waiting';
  }
}
