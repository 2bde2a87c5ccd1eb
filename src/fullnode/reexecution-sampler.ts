import { randomInt } from 'node:crypto';
import { isMiniBlockRecord } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import { type BlockSeal, encodeBlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { untilAborted } from '../util/until-aborted.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { BlockReexecutor } from './block-reexecutor.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { FullNodeLogger } from './full-node-options.ts';
import type { SealedBlock } from './sealed-blocks.ts';

export interface ReexecutionSamplerOptions {
  /** Share of the blocks that are executed again, 0 to 1. */
  readonly sampleRate: number;
}

/** A block that was executed again and is wrong. */
export interface WrongBlock {
  readonly block: SealedBlock;
  readonly reasons: readonly string[];
  /** What it was executed from: sequencer messages with their kind byte, and the witness. */
  readonly miniBlocks: readonly Bytes[];
  readonly witness: Bytes;
}

export interface ReexecutionSamplerModules {
  readonly reexecute: BlockReexecutor;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly metrics: Pick<FullNodeMetrics, 'recordSample' | 'recordSampleSkipped'>;
  readonly logger: FullNodeLogger;
  readonly onWrong: (wrong: WrongBlock) => Promise<void>;
  /** From 0 to below 1; a test brings its own. */
  readonly random?: () => number;
}

/** Blocks that wait: each may take seconds, and a sample that is late by more protects nobody. */
const MAX_QUEUED = 4;
/** Bytes of their witnesses. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** What randomInt spans at most. */
const RANDOM_RANGE = 2 ** 48 - 1;

/** Nobody can tell beforehand which blocks are looked at: else only the others were wrong. */
const unpredictable = (): number => randomInt(RANDOM_RANGE) / RANDOM_RANGE;

/**
 * Executes a random sample of blocks again, from witness and bodies (DESIGN section 7), beside everything else. When it
 * falls behind samples are left out and counted.
 */
export class ReexecutionSampler {
  readonly #options: ReexecutionSamplerOptions;
  readonly #modules: ReexecutionSamplerModules;
  readonly #wakeup = new Wakeup();
  readonly #random: () => number;
  #queue: { readonly block: SealedBlock; readonly witness: Bytes }[] = [];
  #queuedBytes = 0;

  constructor(options: ReexecutionSamplerOptions, modules: ReexecutionSamplerModules) {
    this.#options = options;
    this.#modules = modules;
    this.#random = modules.random ?? unpredictable;
  }

  /** Takes a block whose root is proven into the sample, or not. */
  offer(block: SealedBlock, witness: Bytes): void {
    if (this.#random() >= this.#options.sampleRate) return;
    if (this.#queue.length >= MAX_QUEUED || this.#queuedBytes + witness.length > MAX_QUEUED_BYTES) {
      this.#modules.metrics.recordSampleSkipped();
      return;
    }
    this.#queue.push({ block, witness });
    this.#queuedBytes += witness.length;
    this.#wakeup.wake();
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [next] = this.#queue;
      if (next === undefined) {
        await this.#wakeup.wait(signal);
        continue;
      }
      await this.#execute(next.block, next.witness, signal);
      this.#queue.shift();
      this.#queuedBytes -= next.witness.length;
    }
  }

  async #execute(block: SealedBlock, witness: Bytes, signal: AbortSignal): Promise<void> {
    const { reexecute, metrics, logger, onWrong } = this.#modules;
    const { number } = block.seal.header;
    const startedMs = performance.now();
    try {
      const miniBlocks = await this.#miniBlocks(block.seal);
      const payloads = miniBlocks.map((bytes) => bytes.subarray(1));
      const job = { seal: encodeBlockSeal(block.seal), miniBlocks: payloads, witness };
      const reasons = await untilAborted(reexecute(job), signal);
      if (reasons === undefined) return;
      const seconds = (performance.now() - startedMs) / 1_000;
      metrics.recordSample(reasons.length === 0 ? 'agrees' : 'disagrees', seconds);
      logger.debug({ blockNumber: number, seconds }, 'executed a sampled block again');
      if (reasons.length > 0) await onWrong({ block, reasons, miniBlocks, witness });
    } catch (error) {
      if (!isStrobeError(error) || error.code === 'WORK_QUEUE_CLOSED') throw error;
      // Undone meanwhile, or the witness has a hole: nobody is proven wrong by it.
      metrics.recordSample('unprovable', (performance.now() - startedMs) / 1_000);
      logger.warn({ blockNumber: number, code: error.code }, `nothing can be said about a sampled block: ${errorMessage(error)}`);
    }
  }

  /** Sequencer messages with their kind byte. */
  async #miniBlocks({ firstNumber, lastNumber }: BlockSeal): Promise<Bytes[]> {
    const miniBlocks: Bytes[] = [];
    for await (const entry of this.#modules.log.read(firstNumber)) {
      if (entry.number > lastNumber) break;
      if (isMiniBlockRecord(entry.bytes)) miniBlocks.push(entry.bytes);
    }
    return miniBlocks;
  }
}
