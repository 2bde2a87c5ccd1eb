import { describe, expect, test } from 'vitest';
import type { MiniBlockCommit } from '../../../src/protocol/ports/chain.ts';
import { EMPTY_STATE_DIFF, encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { ChainState } from '../../../src/state/chain-state.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { type BuiltBlock, ChainBuilder } from '../../support/chain-builder.ts';
import { defined } from '../../support/defined.ts';
import { MapState } from '../../support/map-state.ts';
import { MemoryChain } from '../../support/memory-chain.ts';

interface Node {
  readonly state: MapState;
  readonly chain: MemoryChain;
  readonly chainState: ChainState;
}

function startNode(builder: ChainBuilder): Node {
  const state = new MapState();
  state.apply(builder.genesis.allocation, 0);
  const chain = new MemoryChain(builder.genesisHeader);
  const start = { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
  return { state, chain, chainState: new ChainState(start, {}, { state, chain: chain.port }) };
}

/** Everything that a rollback has to bring back. */
function snapshot({ state, chain, chainState }: Node): unknown {
  const accounts = [...state.entries()].map(({ address, account, slots }) => [
    toKey(address),
    account,
    [...slots].map(({ key, value }) => toKey(key) + toKey(value)).sort(),
  ]);
  return {
    accounts: accounts.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
    mark: state.mark(),
    head: chainState.head(),
    open: chainState.openBlock(),
    openDiff: chainState.openBlockDiff(),
    miniBlocks: chain.miniBlocks.map(({ miniBlock }) => miniBlock.envelope.number),
    sealed: chain.head().header.number,
    resources: chainState.resources(),
  };
}

async function addBlock({ chainState }: Node, block: BuiltBlock): Promise<void> {
  for (const commit of block.miniBlocks) chainState.apply(commit);
  await chainState.seal(block.seal);
}

describe('applying', () => {
  test('moves state, registry, open block and head together, one mini-block at a time', () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    const commits = [
      builder.miniBlock([builder.transfer(0)]),
      builder.miniBlock(),
      builder.miniBlock([builder.transfer(1), builder.transfer(2)]),
    ];
    let rows = node.state.mark().accounts;
    for (const [i, commit] of commits.entries()) {
      const { digest, envelope } = commit.miniBlock;
      node.chainState.apply(commit);
      expect(node.chainState.head()).toMatchObject({ epoch: 1, number: i + 1, digest, timestampUs: envelope.timestampUs });
      expect(node.chainState.openBlock()).toMatchObject({ env: commit.env, firstNumber: 1, nextIndex: i + 1 });
      for (const { address } of commit.diff.accounts) expect(node.state.rows.accountRow(address)).toBeGreaterThanOrEqual(0);
      expect(node.state.mark().accounts).toBeGreaterThanOrEqual(rows);
      rows = node.state.mark().accounts;
    }
    // An empty mini-block says nothing of gas; the ones before do.
    expect(node.chainState.openBlock()?.gasUsed).toBe(63_000n);
  });

  test('refuses what does not continue the open block, and changes nothing', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    const first = builder.miniBlock([builder.transfer(0)]);
    const second = builder.miniBlock([builder.transfer(1)]);
    const expectRefused = (commit: MiniBlockCommit): void => {
      const before = snapshot(node);
      expect(() => node.chainState.apply(commit)).toThrow('does not continue the open block');
      expect(snapshot(node)).toEqual(before);
    };
    expectRefused(second);
    node.chainState.apply(first);
    expectRefused(first);
    node.chainState.apply(second);
    const block = builder.seal();
    await node.chainState.seal(block.seal);
    expectRefused(second);
  });

  test('refuses a diff that does not fit the state, and changes nothing', () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    const commit = builder.miniBlock();
    const before = snapshot(node);
    const diff = { accounts: [{ address: new Uint8Array(20).fill(0xdd), deleted: true as const }], codes: [] };
    expect(() => node.chainState.apply({ ...commit, diff })).toThrow(
      expect.objectContaining({ code: 'STATE_DIFF_NOT_APPLICABLE' }),
    );
    expect(snapshot(node)).toEqual(before);
  });
});

describe('sealing', () => {
  test('leaves the next block to be opened at index 0', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    for (const block of [builder.block(3, 2), builder.block(1, 3)]) {
      await addBlock(node, block);
      const { firstNumber, lastNumber, stateDiffDigest } = block.seal;
      expect(keccak256(defined(node.state.netDiff(firstNumber - 1, lastNumber)))).toEqual(stateDiffDigest);
      expect(node.chainState.registryDigest()).toEqual(block.seal.registryDigest);
      expect(node.chainState.openBlock()).toBeUndefined();
      expect(node.chainState.openBlockDiff()).toEqual(encodeStateDiff(EMPTY_STATE_DIFF));
    }
  });
});

describe('rolling back', () => {
  test('is as if what was undone had never been applied, wherever it goes', async () => {
    const builder = new ChainBuilder();
    const blocks = [builder.block(2, 2), builder.block(3, 1)];
    const open = [builder.miniBlock([builder.transfer(0)]), builder.miniBlock([builder.transfer(1)])];
    const total = 7;
    for (let number = 0; number <= total; number++) {
      const node = startNode(builder);
      const before: unknown[] = [snapshot(node)];
      const targets: number[] = [0];
      for (const block of blocks) {
        for (const commit of block.miniBlocks) {
          node.chainState.apply(commit);
          before.push(snapshot(node));
          // Inside a sealed block a rollback ends at its begin.
          targets.push(block.seal.firstNumber - 1);
        }
        await node.chainState.seal(block.seal);
        before[before.length - 1] = snapshot(node);
        targets[targets.length - 1] = block.seal.lastNumber;
      }
      for (const commit of open) {
        node.chainState.apply(commit);
        before.push(snapshot(node));
        targets.push(commit.miniBlock.envelope.number);
      }
      const target = targets[number] as number;
      expect(await node.chainState.rollback(number), `to ${number}`).toBe(target);
      expect(snapshot(node), `to ${number}`).toEqual(before[target]);
      // The chain goes on from there as it did the first time.
      const commits = [...blocks.flatMap(({ miniBlocks }) => miniBlocks), ...open];
      for (const commit of commits.slice(target)) {
        node.chainState.apply(commit);
        const block = blocks.find(({ seal }) => seal.lastNumber === commit.miniBlock.envelope.number);
        if (block !== undefined) await node.chainState.seal(block.seal);
      }
      expect(snapshot(node), `again from ${number}`).toEqual(before[total]);
    }
  });

  test('to the head or above it does nothing', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    await addBlock(node, builder.block(2, 1));
    const before = snapshot(node);
    expect(await node.chainState.rollback(2)).toBe(2);
    expect(await node.chainState.rollback(9)).toBe(2);
    expect(snapshot(node)).toEqual(before);
  });

  test('beyond what was released is refused and changes nothing, also when nothing is left to undo', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    await addBlock(node, builder.block(2, 1));
    await addBlock(node, builder.block(2, 1));
    node.chainState.releaseUndo(1);
    const before = snapshot(node);
    await expect(node.chainState.rollback(1)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
    expect(snapshot(node)).toEqual(before);
    expect(await node.chainState.rollback(2)).toBe(2);
    await addBlock(node, builder.blocks[1] as BuiltBlock);
    node.chainState.releaseUndo(2);
    await expect(node.chainState.rollback(3)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
    expect(snapshot(node)).toEqual(before);
  });

  test('ends where the state has forgotten its old values', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    for (let i = 0; i < 4; i++) await addBlock(node, builder.block(2, 1));
    node.state.release(5);
    const before = snapshot(node);
    await expect(node.chainState.rollback(4)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
    expect(snapshot(node)).toEqual(before);
    expect(await node.chainState.rollback(6)).toBe(6);
  });

  test('that the store refuses changes nothing', async () => {
    const builder = new ChainBuilder();
    const node = startNode(builder);
    await addBlock(node, builder.block(2, 1));
    node.chain.safe = 1;
    const before = snapshot(node);
    await expect(node.chainState.rollback(0)).rejects.toMatchObject({ code: 'ROLLBACK_BELOW_SAFE' });
    expect(snapshot(node)).toEqual(before);
  });
});
