import { type Bytes, toKey } from '../util/bytes.ts';

/** Far longer than a mini-block is on its way to a replica that keeps up. */
const KEEP_MS = 10_000;
/** Raw transactions that are kept at most, those seen last; some seconds of all that one replica may forward. */
const MAX_BYTES = 16 * 1024 * 1024;

interface Seen {
  readonly raw: Bytes;
  readonly untilMs: number;
}

/** Transactions that were in the pool a moment ago, as far as this node was told. */
export class RecentlyPooled {
  /** By hash, the one that was seen longest ago first. */
  readonly #seen = new Map<string, Seen>();
  #bytes = 0;

  note(hash: Bytes, raw: Bytes): void {
    const key = toKey(hash);
    this.#remove(key);
    this.#seen.set(key, { raw, untilMs: performance.now() + KEEP_MS });
    this.#bytes += raw.length;
    for (const [oldest, { untilMs }] of this.#seen) {
      if (this.#bytes <= MAX_BYTES && untilMs > performance.now()) return;
      this.#remove(oldest);
    }
  }

  find(hash: Bytes): Bytes | undefined {
    const seen = this.#seen.get(toKey(hash));
    return seen !== undefined && seen.untilMs > performance.now() ? seen.raw : undefined;
  }

  #remove(key: string): void {
    const seen = this.#seen.get(key);
    if (seen === undefined) return;
    this.#seen.delete(key);
    this.#bytes -= seen.raw.length;
  }
}
