import { setTimeout as delay } from 'node:timers/promises';
import { toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { BenchAccount } from './bench-accounts.ts';
import type { ChainTerms } from './chain-state.ts';
import { signCall } from './presigned-load.ts';
import type { RpcClient } from './rpc-client.ts';
import type { SetupCall, SetupPlan } from './setup-plan.ts';

/** Within every node's limit on a batch, and on transactions waiting per account. */
const SETUP_BATCH = 50;
const POLL_MS = 50;
/** A dozen blocks of 12 s: set-up runs on slow chains too, but it must end. */
const SETUP_TIMEOUT_MS = 150_000;

/**
 * Sends the plan's transactions and waits until they are all included.
 * @throws StrobeError BENCH_SETUP_FAILED naming the step that was refused, failed, or never included
 */
export async function runSetup(
  rpc: RpcClient,
  plan: SetupPlan,
  terms: ChainTerms,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SETUP_TIMEOUT_MS)]);
  let done = 0;
  for (const phase of [plan.owner, plan.everyone]) {
    for (let start = 0; start < phase.length; start += SETUP_BATCH) {
      const steps = phase.slice(start, start + SETUP_BATCH);
      await sendAndConfirm(rpc, plan.accounts, steps, terms, limit);
      done += steps.length;
      onProgress(done);
    }
  }
}

async function sendAndConfirm(
  rpc: RpcClient,
  accounts: readonly BenchAccount[],
  steps: readonly SetupCall[],
  terms: ChainTerms,
  limit: AbortSignal,
): Promise<void> {
  const signed = steps.map(({ sender, call }) => signCall(accounts, sender, call, terms));
  const sends = signed.map(({ raw }) => ({ method: 'eth_sendRawTransaction', params: [toHex(raw)] }));
  const answers = await rpc.batch(sends);
  answers.forEach(({ error }, index) => {
    if (error) throw setupFailed(`${steps[index]?.label}: ${error.message}`);
  });
  let waiting = signed.map(({ hash }, index) => ({ hash: toHex(hash), label: steps[index]?.label ?? '' }));
  while (waiting.length > 0) {
    const calls = waiting.map(({ hash }) => ({ method: 'eth_getTransactionReceipt', params: [hash] }));
    const receipts = await rpc.batch(calls);
    waiting = waiting.filter(({ label }, index) => !isIncluded(receipts[index]?.result, label));
    if (waiting.length === 0) return;
    await delay(POLL_MS, undefined, { signal: limit }).catch(() => {
      throw setupFailed(`${waiting[0]?.label}: not included in time`);
    });
  }
}

function isIncluded(receipt: unknown, label: string): boolean {
  if (receipt === null || receipt === undefined) return false;
  if ((receipt as { status?: unknown }).status !== '0x1') throw setupFailed(`${label}: the transaction failed`);
  return true;
}

function setupFailed(message: string): StrobeError {
  return new StrobeError('BENCH_SETUP_FAILED', message);
}
