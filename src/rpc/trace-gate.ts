import { rpcError } from './rpc-error.ts';

export interface TraceGateOptions {
  /** Traces that run at the same time. */
  readonly maxRunning: number;
  /** Traces that wait for their turn. */
  readonly maxWaiting: number;
}

/** Lets a few traces run at a time: each may hold the longest answer while it is made. */
export class TraceGate {
  readonly #options: TraceGateOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: TraceGateOptions) {
    this.#options = options;
  }

  /** @throws StrobeError LIMIT_EXCEEDED when too many wait already, and what `trace` throws */
  async run<Result>(trace: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#options.maxRunning) await this.#turn();
    else this.#running++;
    try {
      return await trace();
    } finally {
      // The place goes to the next one as it is, so that nobody comes between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.maxWaiting) {
      throw rpcError('LIMIT_EXCEEDED', 'too many traces are waiting, try again later');
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
