import type { ChainEvent } from '../protocol/ports/chain.ts';
import { errorMessage } from '../util/errors.ts';

/** What the store needs of a logger. */
export interface StoreLogger {
  error(fields: object, message: string): void;
}

/** Hands events to listeners in order; what a listener throws is reported and stops nobody. */
export class ChainEvents {
  readonly #listeners = new Set<(event: ChainEvent) => void>();
  readonly #logger: StoreLogger;

  constructor(logger: StoreLogger) {
    this.#logger = logger;
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    // A wrapper of its own, so that one function subscribed twice is two listeners.
    const own = (event: ChainEvent): void => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  emit(event: ChainEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ event: event.kind, error: errorMessage(error) }, 'a listener of chain events failed');
      }
    }
  }
}
