import { EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { asBytes, asList, decodeRlp, type RlpItem } from '../protocol/rlp.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';

const HASH_BYTES = 32;
const BRANCH_ITEMS = 17;

/**
 * The value of `key` that a Merkle-Patricia proof (Yellow Paper, appendix D; EIP-1186) shows under a trusted root,
 * undefined when it shows that there is none. Written apart from the node's own tries, so that they share no bug.
 * @param key as the trie has it: hashed, in the tries of state and storage
 * @throws StrobeError INVALID_PROOF when a node does not hash to its reference, one is missing or too many; INVALID_RLP
 */
export function provenValue(root: Hash, key: Bytes, nodes: readonly Bytes[]): Bytes | undefined {
  const walk = new ProofWalk(nodes);
  const value = bytesEqual(root, EMPTY_TRIE_ROOT) ? undefined : walk.valueOf(root, nibblesOf(key));
  walk.assertWholeUsed();
  return value;
}

class ProofWalk {
  readonly #nodes: readonly Bytes[];
  #used = 0;

  constructor(nodes: readonly Bytes[]) {
    this.#nodes = nodes;
  }

  assertWholeUsed(): void {
    if (this.#used !== this.#nodes.length) throw invalid('it has nodes that the key does not pass');
  }

  valueOf(root: Hash, key: readonly number[]): Bytes | undefined {
    let items = this.#load(root);
    let depth = 0;
    for (;;) {
      let child: RlpItem | undefined;
      if (items.length === BRANCH_ITEMS) {
        if (depth === key.length) return nonEmpty(asBytes(items[BRANCH_ITEMS - 1], 'branch value'));
        child = items[key[depth++] as number];
      } else {
        const { isLeaf, path } = decodePath(asBytes(asPair(items)[0], 'path'));
        const rest = key.slice(depth, isLeaf ? undefined : depth + path.length);
        if (rest.length !== path.length || rest.some((nibble, i) => nibble !== path[i])) return undefined;
        if (isLeaf) return nonEmpty(asBytes(items[1], 'leaf value'));
        depth += path.length;
        child = items[1];
      }
      const next = this.#child(child);
      if (next === undefined) return undefined;
      items = next;
    }
  }

  /** The items of a child: behind its hash, or embedded; undefined: there is none. */
  #child(child: RlpItem | undefined): readonly RlpItem[] | undefined {
    if (!(child instanceof Uint8Array)) return asList(child, 'embedded node');
    if (child.length === 0) return undefined;
    if (child.length !== HASH_BYTES) throw invalid('a reference is neither a hash nor a node');
    return this.#load(child);
  }

  #load(hash: Bytes): readonly RlpItem[] {
    const node = this.#nodes[this.#used++];
    if (node === undefined) throw invalid('it ends before the key is decided');
    if (!bytesEqual(keccak256(node), hash)) throw invalid('a node does not hash to its reference');
    return asList(decodeRlp(node), 'node');
  }
}

function asPair(items: readonly RlpItem[]): readonly RlpItem[] {
  if (items.length !== 2) throw invalid('a node has neither 2 nor 17 items');
  return items;
}

/** Hex-prefix form (Yellow Paper, appendix C). */
function decodePath(bytes: Bytes): { isLeaf: boolean; path: readonly number[] } {
  const nibbles = nibblesOf(bytes);
  const flag = nibbles[0] ?? 0xf;
  const isOdd = (flag & 1) === 1;
  if (flag > 3 || (!isOdd && nibbles[1] !== 0)) throw invalid('a path has a wrong prefix');
  const path = nibbles.slice(isOdd ? 1 : 2);
  const isLeaf = (flag & 2) === 2;
  if (!isLeaf && path.length === 0) throw invalid('an extension has no path');
  return { isLeaf, path };
}

function nibblesOf(bytes: Bytes): number[] {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 0xf]);
}

function nonEmpty(value: Bytes): Bytes | undefined {
  return value.length === 0 ? undefined : value;
}

function invalid(message: string): StrobeError<'INVALID_PROOF'> {
  return new StrobeError('INVALID_PROOF', message);
}
