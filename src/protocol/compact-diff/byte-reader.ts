import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { WORD_LIMBS } from './words.ts';

/** Longest varint of a number: 7 bytes hold 49 bits. */
const VARINT_LIMIT = 2 ** 49;
/** Longest varint of a 64-bit number. */
const MAX_BIG_VARINT_BYTES = 10;

/** The message is not a compact diff, whatever state it meets. */
export function invalidCompactDiff(message: string): StrobeError<'INVALID_COMPACT_DIFF'> {
  return new StrobeError('INVALID_COMPACT_DIFF', message);
}

/** Reads hostile bytes; everything throws INVALID_COMPACT_DIFF at their end. */
export class ByteReader {
  readonly #bytes: Bytes;
  #position = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  readByte(): number {
    if (this.#position === this.#bytes.length) throw invalidCompactDiff('the message ends early');
    return this.#bytes[this.#position++] as number;
  }

  /** A view of the next `count` bytes. */
  readBytes(count: number): Bytes {
    if (count > this.remaining) throw invalidCompactDiff('the message ends early');
    this.#position += count;
    return this.#bytes.subarray(this.#position - count, this.#position);
  }

  /** Unsigned LEB128 below 2^49, in its shortest form. */
  readVarint(): number {
    let byte = this.readByte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      if (scale === VARINT_LIMIT) throw invalidCompactDiff('a number is out of range');
      byte = this.readByte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    if (byte === 0) throw invalidCompactDiff('a number is longer than it needs to be');
    return value;
  }

  /** Unsigned LEB128 below 2^64, in its shortest form. */
  readBigVarint(): bigint {
    let value = 0n;
    for (let i = 0; i < MAX_BIG_VARINT_BYTES; i++) {
      const byte = this.readByte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) throw invalidCompactDiff('a number is longer than it needs to be');
      if (value >= 1n << 64n) break;
      return value;
    }
    throw invalidCompactDiff('a number is out of range');
  }

  /** Sets a whole word to `count` little-endian bytes. */
  readLimbs(words: Uint32Array, at: number, count: number): void {
    const bytes = this.#bytes;
    const start = this.#position;
    if (count > bytes.length - start) throw invalidCompactDiff('the message ends early');
    for (let i = 0; i < WORD_LIMBS; i++) words[at + i] = 0;
    for (let i = 0; i < count; i++) {
      words[at + (i >> 2)] = (words[at + (i >> 2)] as number) | ((bytes[start + i] as number) << ((i & 3) << 3));
    }
    this.#position = start + count;
  }
}
