import type { MiniBlockCommit } from '../protocol/ports/chain.ts';
import type { BlockResources } from '../protocol/ports/resources.ts';
import { isRowDiff, type RowDiff } from '../protocol/row-diff.ts';
import type { StateDiff } from '../protocol/state-diff.ts';

/** Rows of the state. */
export interface StateSize {
  readonly accounts: number;
  readonly slots: number;
}

/**
 * The resources of a block with one more mini-block.
 * @param block undefined when the mini-block is its first
 * @param growth of the state by this mini-block
 */
export function withMiniBlock(
  block: BlockResources | undefined,
  { miniBlock, diff, body }: MiniBlockCommit,
  growth: StateSize,
): BlockResources {
  const written = keysIn(diff);
  return {
    blockNumber: miniBlock.envelope.blockNumber,
    miniBlocks: (block?.miniBlocks ?? 0) + 1,
    transactions: (block?.transactions ?? 0) + body.transactions.length,
    gasUsed: body.receipts.at(-1)?.cumulativeGasUsed ?? block?.gasUsed ?? 0n,
    transactionBytes: body.transactions.reduce((sum, { raw }) => sum + raw.length, block?.transactionBytes ?? 0),
    diffBytes: (block?.diffBytes ?? 0) + miniBlock.diffPayload.length,
    accountsWritten: (block?.accountsWritten ?? 0) + written.accounts,
    slotsWritten: (block?.slotsWritten ?? 0) + written.slots,
    newAccounts: (block?.newAccounts ?? 0) + growth.accounts,
    newSlots: (block?.newSlots ?? 0) + growth.slots,
  };
}

function keysIn(diff: StateDiff | RowDiff): StateSize {
  if (isRowDiff(diff)) return { accounts: diff.accountRows.length, slots: diff.slotRows.length };
  return { accounts: diff.accounts.length, slots: diff.accounts.reduce((sum, { slots = [] }) => sum + slots.length, 0) };
}
