import { expect, test } from 'vitest';
import { rowDiffOf } from '../../../src/protocol/compact-diff/row-conversion.ts';
import type { MiniBlockCommit } from '../../../src/protocol/ports/chain.ts';
import type { BlockResources } from '../../../src/protocol/ports/resources.ts';
import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import { ChainState } from '../../../src/state/chain-state.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { MapState } from '../../support/map-state.ts';
import { MemoryChain } from '../../support/memory-chain.ts';

type PlainCommit = MiniBlockCommit & { readonly diff: StateDiff };

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** Every account and slot that was ever named, counted the plain way. */
class EverWritten {
  readonly accounts = new Set<string>();
  readonly slots = new Set<string>();

  add({ accounts }: StateDiff): void {
    for (const { address, slots = [] } of accounts) {
      this.accounts.add(toKey(address));
      for (const { key } of slots) this.slots.add(toKey(address) + toKey(key));
    }
  }
}

function countPlainly(commits: readonly PlainCommit[], ever: EverWritten): BlockResources {
  const [accounts, slots] = [ever.accounts.size, ever.slots.size];
  for (const { diff } of commits) ever.add(diff);
  const transactions = commits.flatMap(({ body }) => body.transactions);
  return {
    blockNumber: commits[0]?.miniBlock.envelope.blockNumber ?? 0,
    miniBlocks: commits.length,
    transactions: transactions.length,
    gasUsed: 21_000n * BigInt(transactions.length),
    transactionBytes: sum(transactions.map(({ raw }) => raw.length)),
    diffBytes: sum(commits.map(({ miniBlock }) => miniBlock.diffPayload.length)),
    accountsWritten: sum(commits.map(({ diff }) => diff.accounts.length)),
    slotsWritten: sum(commits.flatMap(({ diff }) => diff.accounts.map((account) => account.slots?.length ?? 0))),
    newAccounts: ever.accounts.size - accounts,
    newSlots: ever.slots.size - slots,
  };
}

test.each<[string, () => CommittedState, (diff: StateDiff, state: CommittedState) => MiniBlockCommit['diff']]>([
  ['canonical diffs', () => new MapState(), (diff) => diff],
  ['diffs by row', () => new StateTable(), (diff, state) => rowDiffOf(diff, state.rows)],
])('resources are what one counts by hand, from %s', async (_what, create, diffOf) => {
  const builder = new ChainBuilder();
  const state = create();
  state.apply(builder.genesis.allocation, 0);
  const chain = new MemoryChain(builder.genesisHeader);
  const start = { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
  const node = new ChainState(start, {}, { state, chain: chain.port });
  const ever = new EverWritten();
  ever.add(builder.genesis.allocation);
  const size = () => ({ accounts: ever.accounts.size, slots: ever.slots.size });
  expect(node.resources()).toEqual({ openBlock: undefined, sealedBlock: undefined, ...size() });

  let sealedBlock: BlockResources | undefined;
  for (const miniBlocks of [1, 3, 2]) {
    const commits: PlainCommit[] = [];
    const before = new EverWritten();
    for (const key of ever.accounts) before.accounts.add(key);
    for (const key of ever.slots) before.slots.add(key);
    for (let index = 0; index < miniBlocks; index++) {
      const transactions = Array.from({ length: index }, (_, i) => builder.transfer(i));
      const commit = builder.miniBlock(transactions);
      commits.push(commit);
      node.apply({ ...commit, diff: diffOf(commit.diff, state) });
      ever.add(commit.diff);
    }
    const openBlock = countPlainly(commits, before);
    expect(node.resources()).toEqual({ openBlock, sealedBlock, ...size() });
    await node.seal(builder.seal().seal);
    sealedBlock = openBlock;
    expect(node.resources()).toEqual({ openBlock: undefined, sealedBlock, ...size() });
  }
  expect(sealedBlock).toMatchObject({ blockNumber: 3, transactions: 1 });
  expect(sealedBlock?.slotsWritten).toBeGreaterThan(0);
  expect(ever.slots.size).toBeGreaterThan(0);
});
