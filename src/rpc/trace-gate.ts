import { Gate } from '../util/gate.ts';
import { rpcError } from './rpc-error.ts';

export interface TraceGateOptions {
  /** Traces that run at the same time. */
  readonly maxRunning: number;
  /** Traces that wait for their turn. */
  readonly maxWaiting: number;
}

/** Lets a few traces run at a time: each may hold the longest answer while it is made. */
export class TraceGate {
  readonly #maxWaiting: number;
  readonly #gate: Gate;

  constructor({ maxRunning, maxWaiting }: TraceGateOptions) {
    this.#maxWaiting = maxWaiting;
    this.#gate = new Gate(maxRunning);
  }

  /** @throws StrobeError LIMIT_EXCEEDED when too many wait already, and what `trace` throws */
  async run<Result>(trace: () => Promise<Result>): Promise<Result> {
    if (this.#gate.isFull && this.#gate.waiting >= this.#maxWaiting) {
      throw rpcError('LIMIT_EXCEEDED', 'too many traces are waiting, try again later');
    }
    const turn = this.#gate.enter();
    if (turn !== undefined) await turn;
    try {
      return await trace();
    } finally {
      this.#gate.leave();
    }
  }
}
