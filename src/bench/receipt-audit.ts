import { quantity } from './chain-state.ts';
import { type RpcClient, rpcError } from './rpc-client.ts';
import type { TransactionLedger } from './transaction-ledger.ts';

/** Receipts per request: 200 KiB of answer, and below every node's limit on a batch. */
const AUDIT_BATCH = 200;

export type ReceiptAudit = {
  included: number;
  /** Included with status 0. */
  failed: number;
  gasUsed: bigint;
  /** Hashes of accepted transactions without a receipt (the first ones, for the report). */
  lostHashes: string[];
  lost: number;
};

/** Names enough lost transactions to look into, not thousands. */
const MAX_LOST_HASHES = 10;

/**
 * Asks the node for the receipt of every transaction that was sent, refused ones included (an answer may have been
 * lost on the way): what subscriptions showed is not taken as proof.
 * @throws StrobeError BENCH_RPC_ERROR when the node refuses to answer: unknown is not lost
 */
export async function auditReceipts(
  rpc: RpcClient,
  hashes: readonly string[],
  ledger: TransactionLedger,
  onProgress: (checked: number) => void,
): Promise<ReceiptAudit> {
  const audit: ReceiptAudit = { included: 0, failed: 0, gasUsed: 0n, lostHashes: [], lost: 0 };
  const sent = hashes.map((hash, index) => ({ hash, index })).filter(({ index }) => ledger.wasSent(index));
  for (let start = 0; start < sent.length; start += AUDIT_BATCH) {
    const slice = sent.slice(start, start + AUDIT_BATCH);
    const calls = slice.map(({ hash }) => ({ method: 'eth_getTransactionReceipt', params: [hash] }));
    const answers = await rpc.batch(calls);
    slice.forEach(({ hash, index }, offset) => {
      const answer = answers[offset];
      if (answer?.error) throw rpcError('eth_getTransactionReceipt', answer.error);
      countReceipt(audit, answer?.result, hash, ledger.isAccepted(index));
    });
    onProgress(start + slice.length);
  }
  return audit;
}

function countReceipt(audit: ReceiptAudit, result: unknown, hash: string, isAccepted: boolean): void {
  if (result === null || result === undefined) {
    if (!isAccepted) return;
    audit.lost++;
    if (audit.lostHashes.length < MAX_LOST_HASHES) audit.lostHashes.push(hash);
    return;
  }
  const receipt = result as { status?: unknown; gasUsed?: unknown };
  audit.included++;
  audit.gasUsed += quantity(receipt.gasUsed);
  if (receipt.status !== '0x1') audit.failed++;
}
