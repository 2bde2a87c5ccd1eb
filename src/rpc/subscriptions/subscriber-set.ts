import type { Push } from '../rpc-caller.ts';

/** Subscribers of one kind of event. Nothing is formatted while there are none, and once however many there are. */
export class SubscriberSet {
  readonly #pushes = new Set<Push>();

  get size(): number {
    return this.#pushes.size;
  }

  add(push: Push): () => void {
    this.#pushes.add(push);
    return () => this.#pushes.delete(push);
  }

  /** Sends what `format` gives to every subscriber; `format` is not called when there are none. */
  publish(format: () => unknown): void {
    if (this.#pushes.size > 0) this.publishJson(JSON.stringify(format()));
  }

  publishJson(json: string): void {
    for (const push of this.#pushes) push(json);
  }
}
