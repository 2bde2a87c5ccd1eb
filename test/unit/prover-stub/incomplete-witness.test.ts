import { describe, expect, it } from 'vitest';
import { decodeWitness, type Witness } from '../../../src/protocol/witness.ts';
import { reexecuteBlock } from '../../../src/prover-stub/re-execute.ts';
import { isStrobeError } from '../../../src/util/errors.ts';
import { buildRichChain, jobOf } from './blocks.ts';
import { forge } from './forge.ts';

/** By default the trie library reads a missing node as an absent key, and some of its promises never settle. */
describe('a witness with a hole', () => {
  it('ends the proof or changes nothing, whichever entry is missing or altered, and never hangs', async () => {
    const { blocks, rules } = await buildRichChain();
    const seen = { incomplete: 0, identical: 0 };
    for (const block of blocks) {
      const honest = await reexecuteBlock(jobOf(block), rules);
      const decoded = decodeWitness(block.witness);
      for (const part of ['nodes', 'codes', 'headers'] as const) {
        for (const at of decoded[part].keys()) {
          for (const change of [without, altered]) {
            const forged = forge(block, { witness: (witness) => ({ [part]: change(witness[part], at) }) });
            const result = await reexecuteBlock(jobOf(forged), rules).catch((error: unknown) => error);
            if (isStrobeError(result, 'WITNESS_INCOMPLETE')) {
              seen.incomplete++;
              continue;
            }
            // An entry may be there in vain (the last header: its hash is in the one before). Then nothing differs.
            expect(result).toMatchObject({ kind: 'agrees', computed: { ...honest.computed } });
            seen.identical++;
          }
        }
      }
    }
    const entries = blocks
      .map(({ witness }) => decodeWitness(witness))
      .reduce((sum, { nodes, codes, headers }) => sum + nodes.length + codes.length + headers.length, 0);
    expect(seen.incomplete + seen.identical).toBe(2 * entries);
    // Were most entries superfluous, this would test nothing.
    expect(seen.identical).toBeLessThan(entries / 5);
  }, 60_000);
});

type Part = Witness['nodes'];

function without(entries: Part, at: number): Part {
  return entries.filter((_, index) => index !== at);
}

function altered(entries: Part, at: number): Part {
  return entries.map((entry, index) => {
    if (index !== at) return entry;
    const copy = entry.slice();
    copy[copy.length - 1] = (copy.at(-1) as number) ^ 1;
    return copy;
  });
}
