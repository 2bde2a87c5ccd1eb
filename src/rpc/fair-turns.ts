import type { StrobeError } from '../util/errors.ts';
import { rpcError } from './rpc-error.ts';

export interface FairTurnsOptions {
  /** At a time. */
  readonly places: number;
  /** Who wait for a place. */
  readonly maxWaiting: number;
}

interface Waiting {
  readonly enter: () => void;
  readonly refuse: (error: StrobeError) => void;
}

/**
 * Lets a few in at a time. Those who wait for the same asker stand in one line, and the lines take turns, so that who asks
 * for much waits for himself. When all places to wait are taken, the longest line loses its last one.
 */
export class FairTurns {
  readonly #options: FairTurnsOptions;
  /** By asker; the first line is the next to move. None is empty. */
  readonly #lines = new Map<object, Waiting[]>();
  #running = 0;
  #waiting = 0;
  #isStopped = false;

  constructor(options: FairTurnsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs `job` when there is a place for it.
   * @throws StrobeError LIMIT_EXCEEDED when too many wait, NOT_AVAILABLE when the server stops, and what `job` throws
   */
  async run<Result>(asker: object, job: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#options.places) this.#running++;
    else await this.#wait(asker);
    try {
      return await job();
    } finally {
      this.#leave();
    }
  }

  /** Refuses all who wait, and who come later and would have to. */
  stop(): void {
    this.#isStopped = true;
    for (const line of this.#lines.values()) for (const { refuse } of line) refuse(stopping());
    this.#lines.clear();
    this.#waiting = 0;
  }

  #wait(asker: object): Promise<void> {
    if (this.#isStopped) return Promise.reject(stopping());
    if (this.#waiting === this.#options.maxWaiting && !this.#makeRoom(asker)) return Promise.reject(tooMany());
    const entered = Promise.withResolvers<void>();
    const line = this.#lines.get(asker) ?? [];
    line.push({ enter: entered.resolve, refuse: entered.reject });
    this.#lines.set(asker, line);
    this.#waiting++;
    return entered.promise;
  }

  /** False: nobody has more waiting than the asker would have. */
  #makeRoom(asker: object): boolean {
    let longest: Waiting[] = [];
    for (const line of this.#lines.values()) if (line.length > longest.length) longest = line;
    // At least two: a line of one is never cut.
    if (longest.length <= (this.#lines.get(asker)?.length ?? 0) + 1) return false;
    longest.pop()?.refuse(tooMany());
    this.#waiting--;
    return true;
  }

  /** The place goes to the next one as it is, so that nobody comes between. */
  #leave(): void {
    const [next] = this.#lines;
    if (next === undefined) {
      this.#running--;
      return;
    }
    const [asker, line] = next;
    this.#lines.delete(asker);
    const first = line.shift();
    // Behind the other lines.
    if (line.length > 0) this.#lines.set(asker, line);
    this.#waiting--;
    first?.enter();
  }
}

function tooMany(): StrobeError {
  return rpcError('LIMIT_EXCEEDED', 'too many executions are waiting, try again later');
}

function stopping(): StrobeError {
  return rpcError('NOT_AVAILABLE', 'the node is stopping');
}
