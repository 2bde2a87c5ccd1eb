import type { Bytes } from '../../util/bytes.ts';

/** Bytes that grow as they are written. */
export class ByteWriter {
  #bytes: Bytes;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  writeByte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  writeBytes(bytes: Bytes): void {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Unsigned LEB128 of a number below 2^49. */
  writeVarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.writeByte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.writeByte(rest);
  }

  /** Unsigned LEB128 of a number below 2^64. */
  writeBigVarint(value: bigint): void {
    let rest = value;
    while (rest >= 0x80n) {
      this.writeByte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.writeByte(Number(rest));
  }

  /** The `count` lowest bytes of a word, little-endian. */
  writeLimbs(words: Uint32Array, at: number, count: number): void {
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    for (let i = 0; i < count; i++) {
      this.#bytes[this.#length++] = (words[at + (i >> 2)] as number) >>> ((i & 3) << 3);
    }
  }

  /** What was written: a view, valid until the next write. */
  view(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
