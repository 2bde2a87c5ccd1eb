import type { Bytes } from '../../util/bytes.ts';
import { type ByteReader, invalidCompactDiff } from './byte-reader.ts';
import { writeDecimal } from './decimal.ts';
import { Scratch } from './scratch.ts';
import {
  FAR_MINUS,
  MAX_DELTA_BYTES,
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
  OPERAND_MASK,
  OPERAND_WHOLE_WORD,
} from './value-tags.ts';
import { addWords, equalWords, subtractWords, usedBytes, WORD_BYTES, WORD_LIMBS } from './words.ts';

const magnitudeScratch = new Scratch();

/** Inverse of the ValueWriter. One at a time is in use: they share scratch memory. */
export class ValueReader {
  readonly #tags: Bytes;
  readonly #bytes: ByteReader;
  readonly #magnitudes: Uint32Array;
  #magnitudeCount = 0;
  #next = 0;
  #unchanged = false;

  /** `tags` has one byte for each value that will be read; `bytes` stands at the column behind it. */
  constructor(tags: Bytes, bytes: ByteReader) {
    this.#tags = tags;
    this.#bytes = bytes;
    this.#magnitudes = magnitudeScratch.uint32(tags.length * WORD_LIMBS);
  }

  /** True when a value that was read is the one from before: no net effect, or another state. */
  get unchanged(): boolean {
    return this.#unchanged;
  }

  /** Sets the word at `at` of `after` to the next value, given what it was. */
  read(after: Uint32Array, at: number, before: Uint32Array, beforeAt: number): void {
    const tag = this.#tags[this.#next++] as number;
    const mode = tag >> MODE_BITS;
    const operand = tag & OPERAND_MASK;
    switch (mode) {
      case MODE_FULL:
        this.#readFull(after, at, operand);
        if (equalWords(after, at, before, beforeAt)) this.#unchanged = true;
        return;
      case MODE_PLUS:
        addWords(after, at, before, beforeAt, this.#magnitudes, this.#readMagnitude(operand));
        return;
      case MODE_MINUS:
        subtractWords(after, at, before, beforeAt, this.#magnitudes, this.#readMagnitude(operand));
        return;
      case MODE_PLUS_NEAR:
        addWords(after, at, before, beforeAt, this.#magnitudes, this.#referTo(operand));
        return;
      case MODE_MINUS_NEAR:
        subtractWords(after, at, before, beforeAt, this.#magnitudes, this.#referTo(operand));
        return;
      case MODE_PLUS_DECIMAL:
        addWords(after, at, before, beforeAt, this.#magnitudes, this.#readDecimal(operand));
        return;
      case MODE_MINUS_DECIMAL:
        subtractWords(after, at, before, beforeAt, this.#magnitudes, this.#readDecimal(operand));
        return;
      case MODE_FAR: {
        const distance = NEAR_REFERENCES + (((operand & (FAR_MINUS - 1)) << 8) | this.#bytes.readByte());
        const magnitude = this.#referTo(distance);
        if (operand >= FAR_MINUS) subtractWords(after, at, before, beforeAt, this.#magnitudes, magnitude);
        else addWords(after, at, before, beforeAt, this.#magnitudes, magnitude);
      }
    }
  }

  #readFull(after: Uint32Array, at: number, operand: number): void {
    if (operand === OPERAND_WHOLE_WORD) {
      this.#bytes.readLimbs(after, at, WORD_BYTES);
      if (usedBytes(after, at) <= MAX_DELTA_BYTES) throw invalidCompactDiff('a value is longer than it needs to be');
      return;
    }
    this.#bytes.readLimbs(after, at, operand);
    if (usedBytes(after, at) !== operand) throw invalidCompactDiff('a value is longer than it needs to be');
  }

  /** Index of the magnitude's first limb, as the others. */
  #readMagnitude(length: number): number {
    if (length === 0 || length > MAX_DELTA_BYTES) throw invalidCompactDiff('a delta has an impossible length');
    const at = this.#magnitudeCount++ * WORD_LIMBS;
    this.#bytes.readLimbs(this.#magnitudes, at, length);
    if (usedBytes(this.#magnitudes, at) !== length) throw invalidCompactDiff('a delta is longer than it needs to be');
    return at;
  }

  #readDecimal(exponent: number): number {
    const mantissa = this.#bytes.readVarint();
    if (exponent === 0 || mantissa === 0) throw invalidCompactDiff('a decimal delta is zero or needs no exponent');
    const at = this.#magnitudeCount++ * WORD_LIMBS;
    writeDecimal(this.#magnitudes, at, mantissa, exponent);
    return at;
  }

  #referTo(distance: number): number {
    if (distance >= this.#magnitudeCount) throw invalidCompactDiff('a delta refers to a magnitude that is not there');
    return (this.#magnitudeCount - 1 - distance) * WORD_LIMBS;
  }
}
