import { expect, test } from 'vitest';
import type { Hash } from '../../../src/protocol/primitives.ts';
import { createStateDiff } from '../../../src/protocol/state-diff.ts';
import { ArenaStateTrie, MAX_VIEWS } from '../../../src/state/arena/arena-state-trie.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { TrieHistory, type TrieHistoryOptions } from '../../../src/state/trie-history.ts';
import { type Bytes, bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { expectProven } from '../../support/proven-state.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const address = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const KEY = bigIntToBytes32(7n);

class Chain {
  readonly state = new StateTable();
  readonly trie = new ArenaStateTrie({ keepsViews: true });
  readonly history: TrieHistory;
  readonly roots: Hash[] = [];

  constructor(options: TrieHistoryOptions) {
    this.history = new TrieHistory(this.trie, options);
  }

  /** Block n gives accounts 0 to `writes` the nonce n + 1 and account 0 the slot value n + 1; counted from 0. */
  blocks(count: number, writes = 3, isSafe = false): void {
    for (let i = 0; i < count; i++) {
      const number = this.roots.length;
      const value = bigIntToBytes32(BigInt(number + 1));
      const accounts = Array.from({ length: writes }, (_, at) => ({ address: address(at), nonce: BigInt(number + 1) }));
      const withSlot = accounts.map((account, at) => (at === 0 ? { ...account, slots: [{ key: KEY, value }] } : account));
      const diff = createStateDiff(withSlot, []);
      this.trie.apply(diff);
      this.state.apply(diff, number);
      const root = this.history.endBlock();
      this.roots.push(root);
      if (isSafe) this.history.keepFrom(root);
    }
  }

  isKept(block: number): boolean {
    const stateRoot = this.roots[block] as Hash;
    return strobeCodeOf(() => this.history.prove({ stateRoot, address: address(0), keys: [KEY] })) !== 'PROOF_NOT_AVAILABLE';
  }

  kept(): number[] {
    return [...this.roots.keys()].filter((block) => this.isKept(block));
  }
}

test('the newest blocks are proven as they were, older ones and unknown roots are not', async () => {
  const chain = new Chain({ blocks: 4 });
  chain.blocks(10, 3, true);
  expect(chain.kept()).toEqual([6, 7, 8, 9]);
  for (const block of chain.kept()) {
    const stateRoot = chain.roots[block] as Hash;
    for (const who of [0, 1, 99]) {
      const proof = chain.history.prove({ stateRoot, address: address(who), keys: [KEY, bigIntToBytes32(8n)] });
      await expectProven(stateRoot, address(who), proof, defined(chain.state.at(block)));
    }
  }
  const unknown = { stateRoot: new Uint8Array(32), address: address(0), keys: [] };
  expect(strobeCodeOf(() => chain.history.prove(unknown))).toBe('PROOF_NOT_AVAILABLE');
});

test('the safe block and those above it stay, however old', () => {
  const chain = new Chain({ blocks: 2 });
  chain.blocks(3);
  // Nothing is safe yet, so any of them may be next.
  expect(chain.kept()).toEqual([0, 1, 2]);
  chain.history.keepFrom(chain.roots[1] as Hash);
  chain.blocks(5);
  expect(chain.kept()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  chain.history.keepFrom(chain.roots[4] as Hash);
  expect(chain.kept()).toEqual([4, 5, 6, 7]);
  chain.history.keepFrom(chain.roots[7] as Hash);
  expect(chain.kept()).toEqual([6, 7]);
  // A root that is not kept changes nothing.
  chain.history.keepFrom(chain.roots[0] as Hash);
  expect(chain.kept()).toEqual([6, 7]);
});

test('old nodes over their budget shorten the window, and far over it the safe block goes', () => {
  const big = 2_000;
  const one = new Chain({ blocks: 100 });
  one.blocks(5, big);
  const perBlock = one.trie.usage().historyBytes / 4;
  const chain = new Chain({ blocks: 100, maxBytes: perBlock * 3, maxSafeBytes: perBlock * 10 });
  chain.blocks(8, big, true);
  expect(chain.kept().length).toBeGreaterThanOrEqual(2);
  expect(chain.kept().length).toBeLessThanOrEqual(4);
  chain.blocks(6, big);
  expect(chain.isKept(7)).toBe(true);
  chain.blocks(8, big);
  expect(chain.isKept(7)).toBe(false);
  expect(chain.isKept(21)).toBe(true);
  expect(chain.trie.usage().historyBytes).toBeLessThanOrEqual(perBlock * 11);
});

test('memory for old nodes is used again', () => {
  const chain = new Chain({ blocks: 3 });
  chain.blocks(12, 500, true);
  const { usedBytes } = chain.trie.usage();
  chain.blocks(30, 500, true);
  expect(chain.trie.usage().usedBytes).toBe(usedBytes);
});

test('more blocks than the trie can look back at are not promised', () => {
  const chain = new Chain({ blocks: 10 });
  chain.blocks(1, 1);
  chain.blocks(MAX_VIEWS + 3, 1);
  expect(chain.isKept(0)).toBe(false);
  expect(chain.isKept(10)).toBe(true);
  expect(chain.isKept(MAX_VIEWS + 3)).toBe(true);
});
