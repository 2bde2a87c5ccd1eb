import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { Trie } from './trie.ts';

/**
 * Checks a Merkle proof in the form of `Trie.prove` (EIP-1186) against a trusted root.
 * @param key the raw trie key (for state: the keccak-256 of the address or slot)
 * @returns the proven value, undefined when the proof shows that the key is absent
 * @throws StrobeError INVALID_TRIE_PROOF for a node that does not hash to its reference, one too few or one too many;
 *   MALFORMED_TRIE_NODE; INVALID_TRIE_KEY; INVALID_TRIE_ROOT
 */
export function verifyProof(root: Bytes, key: Bytes, proof: readonly Bytes[]): Bytes | undefined {
  let used = 0;
  const trie = Trie.fromRoot(root, (hash) => {
    const node = proof[used++];
    if (node === undefined) throw invalidProof('the proof ends before the key is decided', proof);
    if (!bytesEqual(keccak256(node), hash)) throw invalidProof('a proof node does not hash to its reference', proof);
    return node;
  });
  const value = trie.get(key);
  if (used !== proof.length) throw invalidProof('the proof has nodes that the key does not pass', proof);
  return value;
}

function invalidProof(message: string, proof: readonly Bytes[]): StrobeError<'INVALID_TRIE_PROOF'> {
  return new StrobeError('INVALID_TRIE_PROOF', message, { nodes: proof.length });
}
