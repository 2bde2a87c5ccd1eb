/** One of those who share a {@link BytePool}. */
export interface PoolShare {
  held: number;
  /** Most that this one may hold. */
  readonly max: number;
}

/** A bound on memory that clients together make the node hold: nothing waits for room, what does not fit is refused. */
export class BytePool {
  readonly #maxBytes: number;
  #held = 0;

  constructor(options: { readonly maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** False, and nothing is held, when there is no room in the pool or in the share. */
  tryHold(bytes: number, share: PoolShare): boolean {
    if (this.#held + bytes > this.#maxBytes || share.held + bytes > share.max) return false;
    this.#held += bytes;
    share.held += bytes;
    return true;
  }

  release(bytes: number, share: PoolShare): void {
    this.#held -= bytes;
    share.held -= bytes;
  }
}
