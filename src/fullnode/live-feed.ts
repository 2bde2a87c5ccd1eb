import type { SequencerMessage } from '../protocol/log-record.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { FullNodeLimits } from './full-node-options.ts';
import type { RecordApplier } from './record-applier.ts';
import { type ReceivedMiniBlock, ReorderBuffer } from './reorder-buffer.ts';
import type { ReplicaChain } from './replica-chain.ts';
import type { WorkQueue } from './work-queue.ts';

export type LiveFeedOptions = Pick<FullNodeLimits, 'reorderBufferMax' | 'reorderBufferBytes' | 'blockWindow'>;

export interface LiveFeedModules {
  readonly work: WorkQueue;
  readonly chain: ReplicaChain;
  readonly applier: RecordApplier;
  readonly metrics: FullNodeMetrics;
  /** The chain moved, or is found to lack something. */
  readonly onDrained: () => void;
}

/** Mini-blocks applied under one sync of the log: bounds the wait of the first one. */
const MAX_RUN = 128;

/**
 * Gossiped records on their way to the chain: early ones wait in bounded buffers, and what is due is applied in order,
 * in runs as long as what arrived during the last sync of the log.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #modules: LiveFeedModules;
  readonly #miniBlocks: ReorderBuffer;
  /** Seals that wait for their mini-blocks, by block number. */
  readonly #seals = new Map<number, { seal: BlockSeal; bytes: Bytes }>();
  #isDrainQueued = false;

  constructor(options: LiveFeedOptions, modules: LiveFeedModules) {
    this.#options = options;
    this.#modules = modules;
    this.#miniBlocks = new ReorderBuffer({ maxEntries: options.reorderBufferMax, maxBytes: options.reorderBufferBytes });
  }

  /** Early records that wait. */
  get waiting(): number {
    return this.#miniBlocks.size + this.#seals.size;
  }

  /** Takes in an authentic message. */
  offer(message: SequencerMessage, bytes: Bytes): void {
    if (this.#modules.applier.isStopped()) return;
    if (message.kind === 'epochStart') {
      this.#queueEpochStart(message.epochStart, bytes);
      return;
    }
    if (message.kind === 'miniBlock') this.#keepMiniBlock({ miniBlock: message.miniBlock, bytes });
    else if (message.kind === 'blockSeal') this.#keepSeal(message.blockSeal, bytes);
    this.queueDrain();
  }

  #queueEpochStart(start: EpochStart, bytes: Bytes): void {
    const { work, applier, metrics } = this.#modules;
    const accepted = work.push(async () => {
      await applier.applyEpochStart(start, bytes);
      await this.#drain();
    });
    if (!accepted) metrics.recordDropped('work');
  }

  #keepMiniBlock(received: ReceivedMiniBlock): void {
    const { chain, metrics } = this.#modules;
    const { epoch, number } = received.miniBlock.envelope;
    if (epoch <= chain.epoch().number && number <= chain.head().number) return;
    const dropped = this.#miniBlocks.add(received);
    for (let i = 0; i < dropped; i++) metrics.recordDropped('reorder');
  }

  #keepSeal(seal: BlockSeal, bytes: Bytes): void {
    const { number } = seal.header;
    const known = this.#seals.get(number);
    if (this.#isDone(seal) || (known !== undefined && known.seal.epoch >= seal.epoch)) return;
    this.#seals.set(number, { seal, bytes });
    if (this.#seals.size <= this.#options.blockWindow) return;
    this.#seals.delete(Math.max(...this.#seals.keys()));
    this.#modules.metrics.recordDropped('seals');
  }

  /** Looks for what is due as soon as the work queue is free. */
  queueDrain(): void {
    if (this.#isDrainQueued) return;
    this.#isDrainQueued = this.#modules.work.push(async () => {
      this.#isDrainQueued = false;
      await this.#drain();
    });
    if (!this.#isDrainQueued) this.#modules.metrics.recordDropped('work');
  }

  async #drain(): Promise<void> {
    const { chain, applier, onDrained } = this.#modules;
    while (!applier.isStopped()) {
      const due = this.#takeDueSeal();
      if (due !== undefined) {
        await applier.applySeal(due.seal, due.bytes);
        continue;
      }
      const run = this.#miniBlocks.takeRun(chain.head().number + 1, chain.epoch().number, !chain.hasOpenBlock(), MAX_RUN);
      if (run.length === 0) break;
      await applier.applyRun(run);
    }
    onDrained();
  }

  /** The seal of the open block, once the mini-blocks that it names are applied. */
  #takeDueSeal(): { seal: BlockSeal; bytes: Bytes } | undefined {
    const { chain } = this.#modules;
    if (!chain.hasOpenBlock()) return undefined;
    const blockNumber = chain.headBlock() + 1;
    const waiting = this.#seals.get(blockNumber);
    if (waiting === undefined) return undefined;
    const epoch = chain.epoch();
    const { seal } = waiting;
    if (seal.epoch > epoch.number || seal.lastNumber > chain.head().number) return undefined;
    this.#seals.delete(blockNumber);
    // Of a block that its epoch lost: the one in force seals another.
    return seal.epoch < epoch.number && seal.lastNumber > epoch.startNumber ? this.#takeDueSeal() : waiting;
  }

  /** Drops what is of no use since the chain moved by other means. */
  prune(): void {
    const { chain } = this.#modules;
    this.#miniBlocks.prune(chain.head().number, chain.epoch().number);
    for (const [number, { seal }] of this.#seals) if (this.#isDone(seal)) this.#seals.delete(number);
  }

  /** A newer epoch may seal a block again whose first seal it is about to undo. */
  #isDone(seal: BlockSeal): boolean {
    const { chain } = this.#modules;
    return seal.header.number <= chain.headBlock() && seal.epoch <= chain.epoch().number;
  }

  clear(): void {
    this.#miniBlocks.clear();
    this.#seals.clear();
  }
}
