/**
 * HalfSipHash-1-3 over 32-bit words (Aumasson and Bernstein; the variant that Linux keys its hash tables with). Keys of
 * the state are chosen by whoever pays for them: without the secret key nobody can choose ones that collide.
 *
 * @param words the input, `count` words from `from` on; their number is the same for all keys of a table
 */
export function keyedHash(words: Int32Array, from: number, count: number, key0: number, key1: number): number {
  let a = key0;
  let b = key1;
  let c = key0 ^ 0x6c796765;
  let d = key1 ^ 0x74656462;
  // One round a word, and three at the end.
  for (let i = 0; i < count + 3; i++) {
    const word = i < count ? (words[from + i] as number) : 0;
    if (i === count) c ^= 0xff;
    d ^= word;
    a = (a + b) | 0;
    b = rotate(b, 5) ^ a;
    a = rotate(a, 16);
    c = (c + d) | 0;
    d = rotate(d, 8) ^ c;
    a = (a + d) | 0;
    d = rotate(d, 7) ^ a;
    c = (c + b) | 0;
    b = rotate(b, 13) ^ c;
    c = rotate(c, 16);
    a ^= word;
  }
  return b ^ d;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
