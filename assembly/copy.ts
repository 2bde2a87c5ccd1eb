/*
 * Short copies and comparisons in line: the instructions for whole regions are calls into the host, which cost more than
 * the copy itself at these sizes.
 */

@inline
export function copyHash(target: usize, source: usize): void {
  v128.store(target, v128.load(source));
  v128.store(target, v128.load(source, 16), 16);
}

@inline
export function isSameHash(a: usize, b: usize): bool {
  const low = v128.xor(v128.load(a), v128.load(b));
  const high = v128.xor(v128.load(a, 16), v128.load(b, 16));
  return !v128.any_true(v128.or(low, high));
}

@inline
export function copyWords(target: usize, source: usize, words: usize): void {
  for (const end = source + words * 8; source < end; source += 8, target += 8) store<u64>(target, load<u64>(source));
}

@inline
export function zeroWords(target: usize, words: usize): void {
  for (const end = target + words * 8; target < end; target += 8) store<u64>(target, 0);
}
