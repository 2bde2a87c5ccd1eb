import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EMPTY_TRIE_ROOT } from '../../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../../src/protocol/rlp.ts';
import { indexRoot } from '../../../src/prover-stub/index-root.ts';

async function rootOfSinglePuts(values: readonly Uint8Array[]): Promise<Uint8Array> {
  const trie = new MerklePatriciaTrie();
  for (const [index, value] of values.entries()) await trie.put(encodeRlp(fromNumber(index)), value);
  return trie.root();
}

it('is the root of the library’s trie over the same entries', async () => {
  // Around 128 and 256 the keys get longer.
  for (const count of [1, 2, 3, 16, 17, 127, 128, 129, 256, 257, 300]) {
    const values = Array.from({ length: count }, (_, index) => new Uint8Array(1 + (index % 60)).fill(index | 1));
    expect(indexRoot(values)).toEqual(await rootOfSinglePuts(values));
  }
  expect(indexRoot([])).toEqual(EMPTY_TRIE_ROOT);
});

it('is so for values of any size', async () => {
  const value = fc.uint8Array({ minLength: 1, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 40 }), async (values) => {
      expect(indexRoot(values)).toEqual(await rootOfSinglePuts(values));
    }),
    { numRuns: 40 },
  );
});
