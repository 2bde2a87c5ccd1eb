import type { PooledBytes } from '../protocol/ports/pool.ts';

type PendingListener = (pooled: PooledBytes) => void;

/** Who on this node wants to see the sequencer's new transactions; tells when the first comes and when the last leaves. */
export class PendingListeners {
  readonly #onWanted: (isWanted: boolean) => void;
  readonly #listeners = new Set<PendingListener>();

  constructor(modules: { readonly onWanted: (isWanted: boolean) => void }) {
    this.#onWanted = modules.onWanted;
  }

  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** @param listener must not throw */
  subscribe(listener: PendingListener): () => void {
    // A wrapper of its own, so that one function subscribed twice is two listeners.
    const own: PendingListener = (pooled) => listener(pooled);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#onWanted(true);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#onWanted(false);
    };
  }

  publish(pooled: PooledBytes): void {
    for (const listener of this.#listeners) listener(pooled);
  }
}
