import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChainReader, IndexedTransaction } from '../../protocol/ports/chain.ts';
import { type Feed, pushAll, pushRollback, type StreamSubscriber } from './feed.ts';
import type { MiniBlockRing } from './mini-block-ring.ts';
import { cursorOf } from './resume-cursor.ts';
import type { ResumePoint } from './resume-point.ts';

/** Mini-blocks that are replayed before others have their turn: a few ms of encoding when they are full. */
const SLICE_MINI_BLOCKS = 16;
/** Unsent bytes from which a replay waits for its reader: far below the queue at which a slow one is dropped. */
const SLICE_BYTES = 1024 * 1024;

interface CatchUpModules {
  readonly ring: MiniBlockRing;
  readonly chain: Pick<ChainReader, 'miniBlock'>;
  readonly feed: Feed;
  readonly subscriber: StreamSubscriber;
}

/**
 * Brings one subscriber from where it was to the newest mini-block, and lets it join the others there. Nothing waits in a
 * queue: mini-blocks are read as fast as their reader takes them, and the step from the last of them to the live flow is
 * one turn, in which no event can come.
 */
export class CatchUp {
  readonly #modules: CatchUpModules;
  /** The newest mini-block that the subscriber has. */
  #position: number;
  #isEnded = false;
  /** Set once it has joined those who are up to date, which tell it of rollbacks from then on. */
  #leave: (() => void) | undefined;

  constructor(point: ResumePoint, modules: CatchUpModules) {
    this.#modules = modules;
    this.#position = point.number;
  }

  /** Resolves when the subscriber has joined, or is gone. */
  async run(): Promise<void> {
    const { ring, feed, subscriber } = this.#modules;
    for (let inSlice = 0; !this.#isEnded; inSlice++) {
      if (this.#position === ring.newest) {
        this.#leave = feed.join(subscriber);
        return;
      }
      if (inSlice === SLICE_MINI_BLOCKS || subscriber.queuedBytes() > SLICE_BYTES) {
        inSlice = 0;
        await nextTurn();
        await subscriber.flushed();
        continue;
      }
      if (!(await this.#replayNext())) {
        subscriber.drop('the mini-blocks to be resumed from are not kept any more');
        return;
      }
    }
  }

  stop(): void {
    this.#isEnded = true;
    this.#leave?.();
  }

  /** Mini-blocks above `number` were undone, with these transactions. */
  onRollback(number: number, removed: readonly IndexedTransaction[]): void {
    if (this.#isEnded || this.#leave !== undefined || this.#position <= number) return;
    const { ring, feed, subscriber } = this.#modules;
    const known = removed.filter(({ miniBlockNumber }) => miniBlockNumber <= this.#position);
    pushAll(subscriber, feed.undo(known));
    pushRollback(subscriber, ring.cursorAt(number));
    this.#position = number;
  }

  /** False when the next mini-block is not there any more. */
  async #replayNext(): Promise<boolean> {
    const { ring, chain, feed, subscriber } = this.#modules;
    const { rollbacks } = ring;
    const number = this.#position + 1;
    const applied = ring.get(number) ?? (await chain.miniBlock(number));
    const messages = applied && (await feed.replay(applied));
    // What was read may be undone by now; the position is that of the rollback.
    if (this.#isEnded || rollbacks !== ring.rollbacks) return true;
    if (applied === undefined || messages === undefined) return false;
    pushAll(subscriber, messages, cursorOf(applied));
    this.#position = number;
    return true;
  }
}
