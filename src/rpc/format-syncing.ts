import type { SyncProgress } from '../protocol/ports/chain.ts';
import { quantity } from '../util/quantity.ts';

/** The progress object of eth_syncing; counting starts at the first block. */
export function formatSyncing({ currentBlock, highestBlock }: SyncProgress): Readonly<Record<string, string>> {
  return { startingBlock: '0x0', currentBlock: quantity(currentBlock), highestBlock: quantity(highestBlock) };
}
