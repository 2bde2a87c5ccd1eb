import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { expect, test } from 'vitest';
import { indexTrieKey, indexTrieRoot } from '../../../src/state/index-trie.ts';
import { EMPTY_TRIE_ROOT } from '../../../src/state/trie.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

test.each([0, 1, 2, 17, 127, 128, 129, 300])('the root of %i items equals the reference', async (count) => {
  const reference = new MerklePatriciaTrie();
  const values = Array.from({ length: count }, (_, i) => new Uint8Array(1 + ((i * 7) % 120)).fill(i + 1));
  for (const [i, value] of values.entries()) await reference.put(RLP.encode(i), value);
  expect(indexTrieRoot(values)).toEqual(reference.root());
  if (count === 0) expect(indexTrieRoot(values)).toEqual(EMPTY_TRIE_ROOT);
});

test('keys are the RLP of the index', () => {
  for (const index of [0, 1, 127, 128, 255, 256, 65_536]) expect(indexTrieKey(index)).toEqual(RLP.encode(index));
});

test('an empty item is refused', () => {
  expect(strobeCodeOf(() => indexTrieRoot([Uint8Array.of(1), new Uint8Array(0)]))).toBe('INVARIANT_VIOLATED');
});
