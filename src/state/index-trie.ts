import { RLP } from '@ethereumjs/rlp';
import { type Bytes, bigIntToBytes } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { Trie } from './trie.ts';

/** Trie key of the item at `index`: RLP(index), as for transactions, receipts and withdrawals. */
export function indexTrieKey(index: number): Bytes {
  return RLP.encode(bigIntToBytes(BigInt(index)));
}

/** The trie that maps RLP(i) to `values[i]`; no value is empty. */
export function indexTrie(values: readonly Bytes[]): Trie {
  const trie = Trie.empty();
  for (const [index, value] of values.entries()) {
    invariant(value.length > 0, 'an item of an index trie is not empty');
    trie.put(indexTrieKey(index), value);
  }
  return trie;
}

/** Root of {@link indexTrie}. */
export function indexTrieRoot(values: readonly Bytes[]): Bytes {
  return indexTrie(values).root();
}
