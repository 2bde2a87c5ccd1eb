/**
 * What views of past blocks cost the state trie: `node test/perf/trie-history.ts [--keys 1000000] [--writes 3000] [--blocks 128]`.
 * Half of the keys are accounts, half are slots of one contract; every block writes `--writes` of each, drawn at random.
 */
import { parseArgs } from 'node:util';
import type { Hash } from '../../src/protocol/primitives.ts';
import { createStateDiff, type SlotDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { ArenaStateTrie } from '../../src/state/arena/arena-state-trie.ts';
import { TrieHistory } from '../../src/state/trie-history.ts';
import { type Bytes, bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { percentile } from './percentiles.ts';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    writes: { type: 'string', default: '3000' },
    blocks: { type: 'string', default: '128' },
  },
});
const [keys, writes, blocks] = [values.keys, values.writes, values.blocks].map(Number) as [number, number, number];
const half = keys / 2;
const MIB = 1024 * 1024;

const address = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const CONTRACT = address(-1 >>> 0);
const slot = (index: number, value: number): SlotDiff => ({
  key: bigIntToBytes32(BigInt(index)),
  value: bigIntToBytes32(BigInt(value + 1)),
});

let seed = 1;
/** A linear congruential generator (Numerical Recipes): the same run every time. */
const random = (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed % half;
};

function diffOf(indexes: readonly number[], value: number) {
  const distinct = [...new Set(indexes)];
  const accounts = distinct.map((index) => ({ address: address(index), nonce: BigInt(value), balance: 10n ** 18n }));
  const slots = sortSlots(distinct.map((index) => slot(index, value)));
  return createStateDiff([...accounts, { address: CONTRACT, nonce: 1n, slots }], []);
}

for (const kept of [1, blocks]) {
  const trie = new ArenaStateTrie({ keepsViews: true });
  const history = new TrieHistory(trie, { blocks: kept, maxBytes: 4_096 * MIB });
  for (let at = 0; at < half; at += 10_000)
    trie.apply(
      diffOf(
        Array.from({ length: 10_000 }, (_, i) => at + i),
        0,
      ),
    );
  history.keepFrom(history.endBlock());
  const before = trie.usage();
  const roots: Hash[] = [];
  const applied: number[] = [];
  seed = 1;
  for (let block = 1; block <= blocks * 2; block++) {
    const diff = diffOf(Array.from({ length: writes }, random), block);
    const startedMs = performance.now();
    trie.apply(diff);
    const root = history.endBlock();
    history.keepFrom(root);
    applied.push(performance.now() - startedMs);
    roots.push(root);
  }
  const after = trie.usage();
  console.log(
    `${kept} blocks kept: ${(before.usedBytes / MIB).toFixed(0)} MiB loaded, ${(after.historyBytes / MIB).toFixed(1)} MiB of old nodes, ` +
      `${(after.historyBytes / kept / writes / 2).toFixed(0)} B a write; a block of ${writes * 2} writes ` +
      `p50 ${percentile(applied, 50).toFixed(1)} ms, p99 ${percentile(applied, 99).toFixed(1)} ms`,
  );
  for (const [name, stateRoot] of [
    ['newest', roots.at(-1)],
    ['oldest', roots.at(-kept)],
  ] as const) {
    const took = Array.from({ length: 2_000 }, () => {
      const index = random();
      const startedMs = performance.now();
      history.prove({ stateRoot: stateRoot as Hash, address: address(index), keys: [] });
      history.prove({ stateRoot: stateRoot as Hash, address: CONTRACT, keys: [bigIntToBytes32(BigInt(index))] });
      return (performance.now() - startedMs) * 500;
    });
    console.log(
      `  a proof at the ${name} block: p50 ${percentile(took, 50).toFixed(0)} us, p99 ${percentile(took, 99).toFixed(0)} us`,
    );
  }
}
