import type { AppliedMiniBlock } from '../../protocol/ports/chain.ts';
import type { Subscriber } from '../rpc-caller.ts';
import { type Feed, pushAll } from './feed.ts';

/** Makes what subscribers get of a mini-block. */
export type Encode = (applied: AppliedMiniBlock) => readonly string[];

/** A dialect without filter: a mini-block is encoded once for all subscribers, and not at all when there are none. */
export class EncodedStream {
  readonly #encode: Encode;
  readonly #subscribers = new Set<Subscriber>();

  constructor(encode: Encode) {
    this.#encode = encode;
  }

  feed(): Feed {
    return {
      join: (subscriber) => {
        this.#subscribers.add(subscriber);
        return () => this.#subscribers.delete(subscriber);
      },
      replay: this.#encode,
      undo: () => [],
    };
  }

  publish(applied: AppliedMiniBlock, cursor: () => string): void {
    if (this.#subscribers.size === 0) return;
    const messages = this.#encode(applied);
    for (const subscriber of this.#subscribers) pushAll(subscriber, messages, cursor());
  }
}
