import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import { formatReceipt } from './format-receipt.ts';
import { formatTransaction } from './format-transaction.ts';

/** Base: a transaction of a flashblock with what its receipt says beyond it. */
export function formatFlashblockTransaction(indexed: IndexedTransaction): Readonly<Record<string, unknown>> {
  const { logs, gasUsed, status, cumulativeGasUsed, contractAddress, logsBloom } = formatReceipt(indexed);
  return { ...formatTransaction(indexed), logs, gasUsed, status, cumulativeGasUsed, contractAddress, logsBloom };
}
