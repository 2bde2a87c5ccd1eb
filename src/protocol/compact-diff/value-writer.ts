import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { DecimalSplitter } from './decimal.ts';
import { MagnitudeIndex } from './magnitude-index.ts';
import {
  FAR_MINUS,
  FAR_REFERENCES,
  MAX_DELTA_BYTES,
  MAX_MANTISSA,
  MODE_BITS,
  MODE_FAR,
  MODE_FULL,
  MODE_MINUS,
  MODE_MINUS_DECIMAL,
  MODE_MINUS_NEAR,
  MODE_PLUS,
  MODE_PLUS_DECIMAL,
  MODE_PLUS_NEAR,
  NEAR_REFERENCES,
  OPERAND_WHOLE_WORD,
} from './value-tags.ts';
import { subtractWords, usedBytes, WORD_BYTES, WORD_LIMBS } from './words.ts';

const ZERO_WORD = new Uint32Array(WORD_LIMBS);

/** Writes values as tags and bytes, each in the way that takes the fewest. */
export class ValueWriter {
  readonly #tags: Bytes;
  readonly #bytes: ByteWriter;
  readonly #magnitudes: MagnitudeIndex;
  readonly #decimals = new DecimalSplitter();
  readonly #delta = new Uint32Array(WORD_LIMBS);
  #count = 0;

  /** For up to `capacity` values. */
  constructor(capacity: number) {
    this.#tags = new Uint8Array(capacity);
    this.#bytes = new ByteWriter(capacity * 4);
    this.#magnitudes = new MagnitudeIndex(capacity);
  }

  /**
   * The value at `at` of `after`, where it was that at `beforeAt` of `before`.
   * @throws StrobeError INVALID_STATE_DIFF when it is the same
   */
  write(after: Uint32Array, at: number, before: Uint32Array, beforeAt: number): void {
    const delta = this.#delta;
    subtractWords(delta, 0, after, at, before, beforeAt);
    const minus = (delta[WORD_LIMBS - 1] as number) >= 0x80000000;
    if (minus) subtractWords(delta, 0, ZERO_WORD, 0, delta, 0);
    const length = usedBytes(delta, 0);
    if (length === 0) throw new StrobeError('INVALID_STATE_DIFF', 'a value of the diff did not change');
    const fullLength = usedBytes(after, at);
    if (fullLength === 0 || length > MAX_DELTA_BYTES) {
      this.#writeFull(after, at, fullLength);
      return;
    }
    const distance = this.#magnitudes.distance(delta, 0);
    if (distance >= 0 && this.#writeReference(distance, minus, length)) return;
    if (fullLength < length) this.#writeFull(after, at, fullLength);
    else this.#writeDelta(minus, length);
  }

  #writeFull(after: Uint32Array, at: number, length: number): void {
    if (length > MAX_DELTA_BYTES) {
      this.#tag(MODE_FULL, OPERAND_WHOLE_WORD);
      this.#bytes.writeLimbs(after, at, WORD_BYTES);
    } else {
      this.#tag(MODE_FULL, length);
      this.#bytes.writeLimbs(after, at, length);
    }
  }

  /** False when spelling the magnitude out takes no more. */
  #writeReference(distance: number, minus: boolean, length: number): boolean {
    if (distance < NEAR_REFERENCES) {
      this.#tag(minus ? MODE_MINUS_NEAR : MODE_PLUS_NEAR, distance);
      return true;
    }
    const beyond = distance - NEAR_REFERENCES;
    if (beyond >= FAR_REFERENCES || length < 2) return false;
    this.#tag(MODE_FAR, (minus ? FAR_MINUS : 0) | (beyond >> 8));
    this.#bytes.writeByte(beyond & 0xff);
    return true;
  }

  #writeDelta(minus: boolean, length: number): void {
    const delta = this.#delta;
    this.#magnitudes.add(delta, 0);
    // A mantissa is worth it when its varint is shorter than the magnitude.
    if (length > 1 && this.#decimals.split(delta, 0, Math.min(MAX_MANTISSA, 2 ** (7 * (length - 1))))) {
      this.#tag(minus ? MODE_MINUS_DECIMAL : MODE_PLUS_DECIMAL, this.#decimals.exponent);
      this.#bytes.writeVarint(this.#decimals.mantissa);
      return;
    }
    this.#tag(minus ? MODE_MINUS : MODE_PLUS, length);
    this.#bytes.writeLimbs(delta, 0, length);
  }

  #tag(mode: number, operand: number): void {
    this.#tags[this.#count++] = (mode << MODE_BITS) | operand;
  }

  /** Appends both columns to a message. */
  finish(target: ByteWriter): void {
    target.writeBytes(this.#tags.subarray(0, this.#count));
    target.writeBytes(this.#bytes.view());
  }
}
