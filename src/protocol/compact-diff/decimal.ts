import { usedLimbs, WORD_LIMBS } from './words.ts';

/** Largest exponent of ten that a tag holds. */
const MAX_EXPONENT = 31;

/** A limb times a power of ten up to this, with a carry, is exact in a double. */
const STEP_EXPONENT = 6;
const POWERS_OF_TEN = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] as const;

/** Splits magnitudes into mantissa x 10^exponent; keeps scratch memory between calls. */
export class DecimalSplitter {
  mantissa = 0;
  exponent = 0;
  readonly #limbs = new Uint32Array(WORD_LIMBS);
  readonly #quotient = new Uint32Array(WORD_LIMBS);
  #used = 0;

  /**
   * True when the magnitude at `at` is a multiple of ten whose mantissa is below `maxMantissa` (at most 2^49);
   * {@link DecimalSplitter.mantissa} and {@link DecimalSplitter.exponent} hold the parts then.
   */
  split(words: Uint32Array, at: number, maxMantissa: number): boolean {
    const lowest = words[at] as number;
    // 10^n has n factors of two: most values that are no round amounts end here.
    if ((lowest & 1) !== 0) return false;
    this.#used = usedLimbs(words, at);
    for (let i = 0; i < this.#used; i++) this.#limbs[i] = words[at + i] as number;
    this.exponent = 0;
    for (let step = STEP_EXPONENT; step > 0; step = step === STEP_EXPONENT ? 3 : step === 3 ? 1 : 0) {
      const twos = (1 << step) - 1;
      while (this.exponent + step <= MAX_EXPONENT && ((this.#limbs[0] as number) & twos) === 0 && this.#divide(step)) {
        this.exponent += step;
      }
    }
    if (this.exponent === 0 || this.#used > 2) return false;
    this.mantissa = (this.#used > 1 ? (this.#limbs[1] as number) * 0x1_0000_0000 : 0) + (this.#limbs[0] as number);
    return this.mantissa < maxMantissa;
  }

  /** Divides by 10^step; false, and nothing changed, when there is a remainder. */
  #divide(step: number): boolean {
    const divisor = POWERS_OF_TEN[step] as number;
    let remainder = 0;
    for (let i = this.#used - 1; i >= 0; i--) {
      const dividend = remainder * 0x1_0000_0000 + (this.#limbs[i] as number);
      const quotient = Math.floor(dividend / divisor);
      this.#quotient[i] = quotient;
      remainder = dividend - quotient * divisor;
    }
    if (remainder !== 0) return false;
    for (let i = 0; i < this.#used; i++) this.#limbs[i] = this.#quotient[i] as number;
    if (this.#used > 0 && this.#limbs[this.#used - 1] === 0) this.#used--;
    return true;
  }
}

/** words[at] = mantissa x 10^exponent; 2^49 x 10^31 stays far below 2^256. */
export function writeDecimal(words: Uint32Array, at: number, mantissa: number, exponent: number): void {
  words.fill(0, at, at + WORD_LIMBS);
  words[at] = mantissa;
  words[at + 1] = Math.floor(mantissa / 0x1_0000_0000);
  let used = 2;
  for (let left = exponent; left > 0; left -= STEP_EXPONENT) {
    const factor = POWERS_OF_TEN[Math.min(left, STEP_EXPONENT)] as number;
    let carry = 0;
    for (let i = 0; i < used; i++) {
      const product = (words[at + i] as number) * factor + carry;
      words[at + i] = product;
      carry = Math.floor(product / 0x1_0000_0000);
    }
    if (carry !== 0) words[at + used++] = carry;
  }
}
