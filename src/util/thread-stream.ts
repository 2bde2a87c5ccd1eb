import type { Bytes } from './bytes.ts';
import type { StrobeError } from './errors.ts';

/** Bytes of a stream between the threads that the reader has not taken yet. */
export const THREAD_STREAM_WINDOW_BYTES: number = 1024 * 1024;

/** The consuming end: items in order, credit back to the producer as they are taken. */
export class ThreadStreamReader implements AsyncIterable<Bytes> {
  readonly #giveCredit: (bytes: number) => void;
  readonly #items: Bytes[] = [];
  #outcome: 'open' | 'ended' | StrobeError = 'open';
  #wake: (() => void) | undefined;

  constructor(giveCredit: (bytes: number) => void) {
    this.#giveCredit = giveCredit;
  }

  /** True when the producer has nothing more to say. */
  get ended(): boolean {
    return this.#outcome !== 'open';
  }

  push(item: Bytes): void {
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    if (this.#outcome === 'open') this.#outcome = 'ended';
    this.#wake?.();
  }

  fail(error: StrobeError): void {
    if (this.#outcome === 'open') this.#outcome = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Bytes> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#giveCredit(item.length);
        yield item;
      } else if (this.#outcome === 'open') {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#outcome === 'ended') {
        return;
      } else {
        throw this.#outcome;
      }
    }
  }
}

/** The producing end: it runs ahead of the consumer by at most one window. */
export class ThreadStreamWriter {
  readonly #post: (item: Bytes) => void;
  #outstanding = 0;
  #cancelled = false;
  #wake: (() => void) | undefined;

  constructor(post: (item: Bytes) => void) {
    this.#post = post;
  }

  /** Posts every item of `source`, waiting for credit; returns early when cancelled. */
  async pump(source: AsyncIterable<Bytes>): Promise<void> {
    for await (const item of source) {
      if (this.#cancelled) return;
      this.#outstanding += item.length;
      this.#post(item);
      while (this.#outstanding > THREAD_STREAM_WINDOW_BYTES && !this.#cancelled) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  credit(bytes: number): void {
    this.#outstanding -= bytes;
    this.#wake?.();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#wake?.();
  }
}
