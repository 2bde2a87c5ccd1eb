import type { BytePool } from './byte-pool.ts';
import type { Client } from './client-table.ts';

/** Messages whose answers are together no longer than this are not counted: connections bound their number. */
const FREE_ANSWER_LENGTH = 64 * 1024;

/** What a client is told of an answer that there is no room for. */
export type AnswerRefusal = 'response too large' | 'the node is busy with other long answers, try again';

export interface AnswerBudgetModules {
  readonly pool: BytePool;
  readonly client: Client;
}

/** What the answers to one message may hold, in characters, and what they hold until the last has gone out. */
export class AnswerBudget {
  readonly #modules: AnswerBudgetModules;
  readonly #maxLength: number;
  #taken = 0;
  #held = 0;

  constructor(options: { readonly maxLength: number }, modules: AnswerBudgetModules) {
    this.#maxLength = options.maxLength;
    this.#modules = modules;
  }

  /** Undefined when there is room for an answer of this length. */
  take(length: number): AnswerRefusal | undefined {
    const taken = this.#taken + length;
    if (taken > this.#maxLength) return 'response too large';
    if (taken > FREE_ANSWER_LENGTH) {
      const { pool, client } = this.#modules;
      if (!pool.tryHold(taken - this.#held, client.answers)) return 'the node is busy with other long answers, try again';
      this.#held = taken;
    }
    this.#taken = taken;
    return undefined;
  }

  release(): void {
    this.#modules.pool.release(this.#held, this.#modules.client.answers);
    this.#held = 0;
  }
}

/** What goes back to a client. */
export interface RpcReply {
  /** Undefined: the message held notifications only. */
  readonly text: string | undefined;
  /** Set when the client has used up its allowance: seconds after which it may ask again. */
  readonly retryAfterSeconds: number | undefined;
  /** To be called when the text has gone out, or never will. */
  release(): void;
}
