import type { MiniBlock } from '../protocol/mini-block.ts';
import type { Bytes } from '../util/bytes.ts';

/** An authentic mini-block with the bytes it came in: they are logged and served as they are. */
export interface ReceivedMiniBlock {
  readonly miniBlock: MiniBlock;
  readonly bytes: Bytes;
}

export interface ReorderBufferOptions {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/**
 * Mini-blocks that wait for the ones before them. When it is full the one farthest from the head goes: it is needed
 * last, and a range request brings it again.
 */
export class ReorderBuffer {
  readonly #options: ReorderBufferOptions;
  readonly #byNumber = new Map<number, ReceivedMiniBlock>();
  #bytes = 0;

  constructor(options: ReorderBufferOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byNumber.size;
  }

  /** Keeps the newer epoch where two claim one number. Returns how many were dropped for want of room. */
  add(received: ReceivedMiniBlock): number {
    const { number, epoch } = received.miniBlock.envelope;
    const known = this.#byNumber.get(number);
    if (known !== undefined && known.miniBlock.envelope.epoch >= epoch) return 0;
    this.#remove(number);
    this.#byNumber.set(number, received);
    this.#bytes += received.bytes.length;
    let dropped = 0;
    while (this.#byNumber.size > this.#options.maxEntries || this.#bytes > this.#options.maxBytes) {
      this.#remove(Math.max(...this.#byNumber.keys()));
      dropped++;
    }
    return dropped;
  }

  /**
   * Takes the run of consecutive mini-blocks of `epoch` that starts at `number`, at most `limit` of them. It ends
   * before a block opens, unless its very first one may open one.
   */
  takeRun(number: number, epoch: number, mayOpenBlock: boolean, limit: number): ReceivedMiniBlock[] {
    const run: ReceivedMiniBlock[] = [];
    while (run.length < limit) {
      const next = this.#byNumber.get(number + run.length);
      if (next === undefined || next.miniBlock.envelope.epoch !== epoch) break;
      if (next.miniBlock.envelope.index === 0 && (run.length > 0 || !mayOpenBlock)) break;
      run.push(next);
    }
    for (const { miniBlock } of run) this.#remove(miniBlock.envelope.number);
    return run;
  }

  /** Drops what is applied or undone: numbers up to the head and mini-blocks of older epochs. */
  prune(headNumber: number, epoch: number): void {
    for (const [number, { miniBlock }] of this.#byNumber) {
      const isOld = miniBlock.envelope.epoch < epoch || (miniBlock.envelope.epoch === epoch && number <= headNumber);
      if (isOld) this.#remove(number);
    }
  }

  clear(): void {
    this.#byNumber.clear();
    this.#bytes = 0;
  }

  #remove(number: number): void {
    const entry = this.#byNumber.get(number);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes.length;
    this.#byNumber.delete(number);
  }
}
