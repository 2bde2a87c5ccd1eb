import type { BytePool, PoolShare } from './byte-pool.ts';

/**
 * So much of each request is not counted, which is more than most have: while others' long requests fill the pool, short
 * ones are still served. Connections bound their number.
 */
const FREE_BYTES = 4 * 1024;

/** What a request holds of the bound on all requests, from its first byte until it is answered. */
export class HeldRequest {
  readonly #pool: BytePool;
  readonly #share: PoolShare;
  #received = 0;
  #held = 0;

  constructor(pool: BytePool, share: PoolShare) {
    this.#pool = pool;
    this.#share = share;
  }

  /** False, and nothing is added, when there is no room. */
  add(bytes: number): boolean {
    const more = Math.max(0, this.#received + bytes - FREE_BYTES) - this.#held;
    if (more > 0 && !this.#pool.tryHold(more, this.#share)) return false;
    this.#received += bytes;
    this.#held += more;
    return true;
  }

  /** Of what was added these bytes are no part of the request. */
  remove(bytes: number): void {
    this.#received = Math.max(0, this.#received - bytes);
    const held = Math.max(0, this.#received - FREE_BYTES);
    this.#pool.release(this.#held - held, this.#share);
    this.#held = held;
  }

  release(): void {
    this.#pool.release(this.#held, this.#share);
    this.#received = 0;
    this.#held = 0;
  }
}
