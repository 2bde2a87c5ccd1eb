import { StrobeError } from '../util/errors.ts';
import { Wakeup } from '../util/wakeup.ts';

type Work = () => unknown;

/** More proofs of one wrong-doing say nothing new: the first that has its turn stops the node. */
const URGENT_ROOM = 64;

/**
 * Everything that changes the chain of a replica runs here, one piece after the other. Work that was pushed and fails
 * ends the queue, so that no half-done change goes unseen; a failing call is its caller's.
 */
export class WorkQueue {
  readonly #maxPending: number;
  readonly #wakeup = new Wakeup();
  #pending: Work[] = [];
  #calls = new Set<(error: StrobeError) => void>();
  #isClosed = false;

  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** False: the queue is full or closed, and the work is dropped. */
  push(work: Work): boolean {
    return this.#pushBelow(this.#maxPending, work);
  }

  /** As {@link WorkQueue.push}, with room of its own, so that no flood of other messages keeps out what stops the node. */
  pushUrgent(work: Work): boolean {
    return this.#pushBelow(this.#maxPending + URGENT_ROOM, work);
  }

  #pushBelow(most: number, work: Work): boolean {
    if (this.#isClosed || this.#pending.length >= most) return false;
    this.#pending.push(work);
    this.#wakeup.wake();
    return true;
  }

  /**
   * Runs `work` in its turn; for loops that wait for the outcome, which bounds how many calls there are.
   * @throws StrobeError WORK_QUEUE_CLOSED, and what `work` throws
   */
  call<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (this.#isClosed) {
      reject(closed());
      return promise;
    }
    this.#calls.add(reject);
    this.#pending.push(async () => {
      try {
        resolve(await work());
      } catch (error) {
        reject(error);
      } finally {
        this.#calls.delete(reject);
      }
    });
    this.#wakeup.wake();
    return promise;
  }

  /** Works until `signal` aborts; rejects when pushed work fails. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const [work] = this.#pending.splice(0, 1);
        if (work === undefined) await this.#wakeup.wait(signal);
        else await work();
      }
    } finally {
      this.#isClosed = true;
      this.#pending = [];
      for (const reject of this.#calls) reject(closed());
      this.#calls.clear();
    }
  }
}

function closed(): StrobeError<'WORK_QUEUE_CLOSED'> {
  return new StrobeError('WORK_QUEUE_CLOSED', 'the replica is stopping');
}
