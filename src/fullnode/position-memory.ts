import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';

/**
 * Positions remembered, of mini-blocks and seals each: some 40 s at the default interval, longer than any message
 * travels.
 */
const MAX_POSITIONS = 4_096;
/** Raw messages kept as the first half of an equivocation proof, bytes. */
const MAX_RAW_BYTES = 32 * 1024 * 1024;

/** Two good signatures over two digests of one position: the raw messages. */
export interface Equivocation {
  readonly first: Bytes;
  readonly second: Bytes;
}

interface Entry {
  readonly digest: Hash;
  /** Gone when the raw messages took too many bytes; the digest alone still shows that there were two. */
  raw: Bytes | undefined;
}

/**
 * Remembers which digest was signed at each recent position `(epoch, number)`: tells repetitions from equivocations.
 * A second signature over the same digest is a repetition, since ECDSA is randomised.
 */
export class PositionMemory {
  readonly #entries = new Map<string, Entry>();
  /** Keys of entries with raw bytes, oldest first. */
  readonly #withRaw: string[] = [];
  #rawBytes = 0;

  digestAt(epoch: number, number: number): Hash | undefined {
    return this.#entries.get(keyOf(epoch, number))?.digest;
  }

  /** Says whether `raw`, which signs `digest`, contradicts what is remembered of the position. */
  contradiction(epoch: number, number: number, digest: Hash, raw: Bytes): Equivocation | undefined {
    const known = this.#entries.get(keyOf(epoch, number));
    if (known === undefined || bytesEqual(known.digest, digest)) return undefined;
    return { first: known.raw ?? known.digest, second: raw };
  }

  /** Remembers an authentic message; the first digest of a position stays. */
  remember(epoch: number, number: number, digest: Hash, raw: Bytes): void {
    const key = keyOf(epoch, number);
    if (this.#entries.has(key)) return;
    this.#entries.set(key, { digest, raw });
    this.#withRaw.push(key);
    this.#rawBytes += raw.length;
    this.#evict();
  }

  #evict(): void {
    while (this.#rawBytes > MAX_RAW_BYTES || this.#withRaw.length > MAX_POSITIONS) {
      const key = this.#withRaw.shift();
      const entry = key === undefined ? undefined : this.#entries.get(key);
      if (entry === undefined) return;
      this.#rawBytes -= entry.raw?.length ?? 0;
      entry.raw = undefined;
    }
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= MAX_POSITIONS) return;
      this.#entries.delete(key);
    }
  }
}

function keyOf(epoch: number, number: number): string {
  return `${epoch}:${number}`;
}
