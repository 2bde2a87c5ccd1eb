/** What an entry takes beside its bytes: objects, and its place in a map. */
const ENTRY_BYTES = 256;

/** Of each generation; the larger codes of a few thousand contracts, more than are busy at a time. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Bytes that are dear to make again, as far as they are in use: when the younger half is full, what was not asked for since
 * the older one was goes. Looking up what is busy costs one look into a map.
 */
export class RecentEntries<Key, Entry extends Uint8Array> {
  readonly #maxBytes: number;
  #young = new Map<Key, Entry>();
  #old = new Map<Key, Entry>();
  #youngBytes = 0;

  /** @param maxBytes of each of the two halves */
  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(key: Key): Entry | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: Key, entry: Entry): void {
    if (this.#youngBytes > this.#maxBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.length + ENTRY_BYTES;
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
