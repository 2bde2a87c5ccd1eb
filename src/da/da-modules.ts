import { setTimeout } from 'node:timers/promises';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';

/** What posting and following need of the chain. */
export type DaChain = Pick<ChainReader, 'safeNumber' | 'finalizedNumber' | 'sealOf'> &
  Pick<ChainWriter, 'markDaPosted' | 'markFinalized'>;

export interface DaLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Waits until the next round is due; false when `signal` aborted instead. */
export async function nextRound(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await setTimeout(delayMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
