import { expect, test } from 'vitest';
import type { BlockEnd, StateHistory } from '../../../src/protocol/ports/history.ts';
import type { StateView } from '../../../src/protocol/ports/state.ts';
import { ChainState, HISTORY_BLOCKS } from '../../../src/state/chain-state.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { type BuiltBlock, ChainBuilder } from '../../support/chain-builder.ts';
import { MemoryChain } from '../../support/memory-chain.ts';

const OLD = { name: 'an old state' } as unknown as StateView;

class FakeHistory implements StateHistory {
  oldest: number | undefined = 0;
  retainFrom = 0;
  readonly told: string[] = [];

  at(blockNumber: number): StateView | undefined {
    return blockNumber < 3 ? OLD : undefined;
  }

  add({ blockNumber, lastNumber }: BlockEnd): void {
    this.told.push(`add ${blockNumber} ${lastNumber}`);
  }

  async room(): Promise<void> {
    this.told.push('room');
  }

  rollback({ blockNumber, lastNumber }: BlockEnd): void {
    this.told.push(`rollback ${blockNumber} ${lastNumber}`);
  }
}

function startNode(builder: ChainBuilder) {
  const state = new StateTable();
  state.apply(builder.genesis.allocation, 0);
  const history = new FakeHistory();
  const start = { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
  const chainState = new ChainState(start, {}, { state, chain: new MemoryChain(builder.genesisHeader).port, history });
  const addBlock = async ({ miniBlocks, seal }: BuiltBlock): Promise<void> => {
    for (const commit of miniBlocks) chainState.apply(commit);
    await chainState.seal(seal);
    chainState.releaseUndo(seal.header.number);
  };
  return { state, history, chainState, addBlock };
}

test('what memory has no more is asked of the history, and what that has not stored yet stays in memory', async () => {
  const builder = new ChainBuilder();
  const { state, history, chainState, addBlock } = startNode(builder);
  const head = HISTORY_BLOCKS + 5;
  history.retainFrom = 1;
  for (let block = 1; block <= head; block++) await addBlock(builder.block(1, 0));
  expect(history.told.at(-1)).toBe(`add ${head} ${head}`);
  expect(chainState.stateAt(0)).toBe(OLD);
  for (const block of [1, 4, 5]) {
    const { feeRecipient } = builder.genesis;
    expect(chainState.stateAt(block)?.getAccount(feeRecipient)).toEqual(state.at(block)?.getAccount(feeRecipient));
  }
  expect(chainState.stateAt(head + 1)).toBeUndefined();
  expect(chainState.oldestState()).toBe(0);
  expect(chainState.readableBlocks().map(({ blockNumber }) => blockNumber)).toEqual(
    Array.from({ length: head }, (_, at) => 1 + at),
  );
  expect(state.floor).toBe(1);
  history.retainFrom = head;
  await addBlock(builder.block(1, 0));
  expect(chainState.stateAt(2)).toBe(OLD);
  expect(chainState.stateAt(4)).toBeUndefined();
  expect(state.floor).toBe(6);
  history.oldest = undefined;
  expect(chainState.oldestState()).toBe(6);
});

test('a rollback of sealed blocks is told to the history, one inside the open block is not', async () => {
  const builder = new ChainBuilder();
  const { history, chainState } = startNode(builder);
  for (let block = 1; block <= 3; block++) {
    const { miniBlocks, seal } = builder.block(2, 0);
    for (const commit of miniBlocks) chainState.apply(commit);
    await chainState.seal(seal);
  }
  for (let i = 0; i < 2; i++) chainState.apply(builder.miniBlock());
  history.told.length = 0;
  await chainState.rollback(7);
  expect(history.told).toEqual([]);
  await chainState.rollback(3);
  expect(history.told).toEqual(['rollback 1 2']);
  await chainState.rollback(0);
  expect(history.told.at(-1)).toBe('rollback 0 0');
});
