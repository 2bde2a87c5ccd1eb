import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';

/**
 * Chunks of a table's snapshot. Tables that applied the same mini-blocks pack the same chunks, byte by byte.
 *
 * ```
 * chunk    format (1 byte) ‖ kind (1 byte) ‖ number of the first row (varint) ‖ rows, to the end
 * account  address (20) ‖ head: 128 exists, 64 has code, length of the balance ‖ only if it exists:
 *          length of the nonce (1) ‖ nonce ‖ balance ‖ code number if it has code (varint)
 * run      accounts (varint) ‖ slots (varint) that it adds
 * slot     account row (varint) ‖ length (1) ‖ key without leading zeros ‖ length (1) ‖ value
 * code     length (varint) ‖ bytes
 * ```
 *
 * Nonces, balances and values are little-endian without the zeros at their end; varints are LEB128. All accounts come
 * first, then the runs (layout.ts), all slots, and all codes, whose numbers count from 1 in this order.
 *
 * History: 1, the first format.
 */
export const SNAPSHOT_FORMAT = 1;

export const ACCOUNT_CHUNK = 1;
export const RUN_CHUNK = 2;
export const SLOT_CHUNK = 3;
export const CODE_CHUNK = 4;

export const HEAD_EXISTS = 128;
export const HEAD_CODE = 64;
export const HEAD_LENGTH = 63;

/** More than any account or slot takes. */
export const MAX_ROW_BYTES = 80;
const MAX_VARINT_BYTES = 5;

/** Appends to a buffer that is large enough for one row more. */
export class ChunkWriter {
  buffer: Uint8Array<ArrayBuffer>;
  position = 0;

  constructor(bytes: number) {
    this.buffer = new Uint8Array(bytes);
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const larger = new Uint8Array(this.position + bytes);
    larger.set(this.buffer.subarray(0, this.position));
    this.buffer = larger;
  }

  byte(value: number): void {
    this.buffer[this.position++] = value;
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  bytes(source: Bytes, from: number, to: number): void {
    for (let i = from; i < to; i++) this.byte(source[i] as number);
  }

  take(): Bytes {
    const chunk = this.buffer.slice(0, this.position);
    this.position = 0;
    return chunk;
  }
}

/** Reads a chunk that may be anything. */
export class ChunkReader {
  readonly #chunk: Bytes;
  #position = 0;

  constructor(chunk: Bytes) {
    this.#chunk = chunk;
  }

  get atEnd(): boolean {
    return this.#position >= this.#chunk.length;
  }

  /** @throws StrobeError INVALID_SNAPSHOT */
  byte(): number {
    const value = this.#chunk[this.#position++];
    if (value === undefined) throw invalidSnapshot('a chunk ends within a row');
    return value;
  }

  /** @throws StrobeError INVALID_SNAPSHOT */
  varint(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw invalidSnapshot('a number is longer than it need be');
        return value;
      }
    }
    throw invalidSnapshot('a number is too large');
  }

  /**
   * The next bytes, as a view.
   * @throws StrobeError INVALID_SNAPSHOT
   */
  bytes(length: number): Bytes {
    const start = this.#position;
    this.#position += length;
    if (this.#position > this.#chunk.length) throw invalidSnapshot('a chunk ends within a row');
    return this.#chunk.subarray(start, this.#position);
  }
}

export function invalidSnapshot(reason: string): StrobeError<'INVALID_SNAPSHOT'> {
  return new StrobeError('INVALID_SNAPSHOT', `state snapshot: ${reason}`);
}
