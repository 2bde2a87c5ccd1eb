import type { Bytes } from '../../util/bytes.ts';

/** 32-bit limbs of a 256-bit word, lowest first. A word of a row diff is little-endian, so its limbs lie in memory as they are. */
export const WORD_LIMBS = 8;
export const WORD_BYTES = 32;

/** A column of words as limbs: a view of the same memory where that is aligned, else a copy. */
export function limbsOf(column: Bytes): Uint32Array {
  if (column.byteOffset % 4 === 0) return new Uint32Array(column.buffer, column.byteOffset, column.length >> 2);
  return new Uint32Array(new Uint8Array(column).buffer);
}

/** The bytes of words as they lie in memory: a view. */
export function bytesOf(words: Uint32Array): Bytes {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** target = a + b modulo 2^256; the index is that of the first limb. */
export function addWords(target: Uint32Array, at: number, a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): void {
  let carry = 0;
  for (let i = 0; i < WORD_LIMBS; i++) {
    const sum = (a[aAt + i] as number) + (b[bAt + i] as number) + carry;
    target[at + i] = sum;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}

/** target = a - b modulo 2^256. */
export function subtractWords(target: Uint32Array, at: number, a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): void {
  let borrow = 0;
  for (let i = 0; i < WORD_LIMBS; i++) {
    const difference = (a[aAt + i] as number) - (b[bAt + i] as number) - borrow;
    target[at + i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
}

export function equalWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
  for (let i = 0; i < WORD_LIMBS; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

export function copyWord(target: Uint32Array, at: number, source: Uint32Array, sourceAt: number): void {
  for (let i = 0; i < WORD_LIMBS; i++) target[at + i] = source[sourceAt + i] as number;
}

/** Limbs up to the highest that is not zero. */
export function usedLimbs(words: Uint32Array, at: number): number {
  let used = WORD_LIMBS;
  while (used > 0 && words[at + used - 1] === 0) used--;
  return used;
}

/** Bytes up to the highest that is not zero. */
export function usedBytes(words: Uint32Array, at: number): number {
  const limbs = usedLimbs(words, at);
  if (limbs === 0) return 0;
  return limbs * 4 - (Math.clz32(words[at + limbs - 1] as number) >> 3);
}
