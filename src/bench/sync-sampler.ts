import { toHex } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import type { BenchAccount } from './bench-accounts.ts';
import { type ChainTerms, readNonces } from './chain-state.ts';
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';
import { signCall } from './presigned-load.ts';
import type { RpcClient } from './rpc-client.ts';
import { isMethodMissing } from './send-outcome.ts';
import type { Workload } from './workloads.ts';

/** On a chain with slow blocks each call takes a block: the sample is cut short, not the run made long. */
const SYNC_PHASE_MS = 15_000;

export type SyncReport = LatencySummary & { errors: number };

/**
 * Times single `eth_sendRawTransactionSync` calls (EIP-7966), one after the other, on the idle node.
 * @returns null when the node does not have the method
 */
export async function sampleSyncSends(
  rpc: RpcClient,
  accounts: readonly BenchAccount[],
  terms: ChainTerms,
  workload: Workload,
  samples: number,
  signal: AbortSignal,
): Promise<SyncReport | null> {
  const histogram = new LatencyHistogram();
  const deadlineMs = performance.now() + SYNC_PHASE_MS;
  let errors = 0;
  // Refused sends of the load may have left gaps in the local count.
  await readNonces(rpc, accounts);
  for (let index = 0; index < samples && performance.now() < deadlineMs && !signal.aborted; index++) {
    const sender = index % accounts.length;
    const { raw } = signCall(accounts, sender, workload.next(sender), terms);
    const sentAtMs = performance.now();
    try {
      await sendSync(rpc, toHex(raw));
      histogram.recordMs(performance.now() - sentAtMs);
    } catch (error) {
      if (isMethodMissing(error)) return null;
      if (!isStrobeError(error)) throw error;
      errors++;
      await readNonces(rpc, accounts);
    }
  }
  return { ...histogram.summary(), errors };
}

async function sendSync(rpc: RpcClient, raw: string): Promise<void> {
  const receipt = (await rpc.call('eth_sendRawTransactionSync', [raw])) as { transactionHash?: unknown } | null;
  if (typeof receipt?.transactionHash !== 'string') {
    throw new StrobeError('BENCH_RPC_BAD_ANSWER', 'eth_sendRawTransactionSync gave no receipt');
  }
}
