import { EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { encodeRlp, fromNumber, type RlpItem } from '../protocol/rlp.ts';
import { type Bytes, compareBytes, EMPTY_BYTES } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';

interface Entry {
  /** One nibble a byte. */
  readonly path: Bytes;
  readonly value: Bytes;
}

/**
 * Root of the Merkle-Patricia trie that maps RLP(i) to `values[i]` (Yellow Paper, appendix D): transactions and
 * receipts. Built in one pass over the sorted keys, a fifth of the time of single puts.
 */
export function indexRoot(values: readonly Bytes[]): Hash {
  if (values.length === 0) return EMPTY_TRIE_ROOT;
  const entries = values.map((value, index) => ({ path: toNibbles(encodeRlp(fromNumber(index))), value }));
  entries.sort((a, b) => compareBytes(a.path, b.path));
  return keccak256(encodeRlp(buildNode(entries, 0, entries.length, 0)));
}

/** The node over `entries[from, to)`, whose paths agree up to `depth`. No key is the beginning of another one. */
function buildNode(entries: readonly Entry[], from: number, to: number, depth: number): RlpItem {
  const first = entries[from] as Entry;
  if (to - from === 1) return [hexPrefix(first.path.subarray(depth), true), first.value];
  const shared = sharedLength(first.path, (entries[to - 1] as Entry).path);
  if (shared > depth)
    return [hexPrefix(first.path.subarray(depth, shared), false), reference(buildNode(entries, from, to, shared))];
  const branch: RlpItem[] = new Array(17).fill(EMPTY_BYTES);
  for (let start = from; start < to; ) {
    const nibble = (entries[start] as Entry).path[depth] as number;
    let end = start + 1;
    while (end < to && (entries[end] as Entry).path[depth] === nibble) end++;
    branch[nibble] = reference(buildNode(entries, start, end, depth + 1));
    start = end;
  }
  return branch;
}

/** A node inside its parent: itself when its RLP is shorter than a hash. */
function reference(node: RlpItem): RlpItem {
  const encoded = encodeRlp(node);
  return encoded.length < 32 ? node : keccak256(encoded);
}

function toNibbles(bytes: Bytes): Bytes {
  const nibbles = new Uint8Array(bytes.length * 2);
  for (const [i, byte] of bytes.entries()) {
    nibbles[2 * i] = byte >> 4;
    nibbles[2 * i + 1] = byte & 15;
  }
  return nibbles;
}

/** In a sorted range the first and the last path share what all share. */
function sharedLength(a: Bytes, b: Bytes): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Hex-prefix encoding of a path (Yellow Paper, appendix C). */
function hexPrefix(nibbles: Bytes, isLeaf: boolean): Bytes {
  const odd = nibbles.length % 2;
  const out = new Uint8Array((nibbles.length >> 1) + 1);
  const flag = (isLeaf ? 2 : 0) + odd;
  out[0] = (flag << 4) | (odd === 1 ? (nibbles[0] as number) : 0);
  for (let i = odd; i < nibbles.length; i += 2) {
    out[(i + odd) / 2 + (odd === 1 ? 0 : 1)] = ((nibbles[i] as number) << 4) | (nibbles[i + 1] as number);
  }
  return out;
}
