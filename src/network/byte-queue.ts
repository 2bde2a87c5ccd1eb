import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';

/** Bytes that arrived in chunks, taken out in frames. */
export class ByteQueue {
  #chunks: Bytes[] = [];
  /** Bytes of the first chunk that are already taken. */
  #offset = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Bytes): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Big-endian number in the first four bytes; undefined when there are fewer. */
  peekUint32(): number | undefined {
    if (this.#length < 4) return undefined;
    let value = 0;
    let index = 0;
    let offset = this.#offset;
    for (let taken = 0; taken < 4; taken++) {
      let chunk = this.#chunks[index] as Bytes;
      while (offset >= chunk.length) {
        chunk = this.#chunks[++index] as Bytes;
        offset = 0;
      }
      value = value * 256 + (chunk[offset++] as number);
    }
    return value;
  }

  /** Removes `count` bytes; the result owns its memory. The caller checks `length` first. */
  take(count: number): Bytes {
    if (count === 0) return EMPTY_BYTES;
    const out = new Uint8Array(count);
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const chunk = this.#chunks[used] as Bytes;
      const part = chunk.subarray(this.#offset, this.#offset + count - filled);
      out.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) {
        used++;
        this.#offset = 0;
      }
    }
    if (used > 0) this.#chunks.splice(0, used);
    this.#length -= count;
    return out;
  }
}
