import { expect, test, vi } from 'vitest';
import {
  MAX_PENDING_HANDOVER_BYTES,
  PENDING_PUSH_BURST_BYTES,
  PENDING_PUSH_BYTES_PER_SECOND,
} from '../../../src/network/network-limits.ts';
import { PendingHandover, SkippedCount } from '../../../src/network/pending-handover.ts';
import { PendingPush } from '../../../src/network/pending-push.ts';
import { PoolWatch } from '../../../src/network/pool-watch.ts';
import { MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { waitFor } from '../../support/wait-for.ts';

const pooled = (bytes: number) => ({ raw: new Uint8Array(bytes), sender: new Uint8Array(20) });

test('all replicas together are shown so many bytes, and none of them fewer than another', async () => {
  const skipped = vi.fn();
  const watch = vi.fn(async () => {});
  const push = new PendingPush({ watch, onSkipped: skipped });
  const counts = [0, 0, 0];
  for (const index of counts.keys()) {
    const offer = (): boolean => {
      counts[index] = (counts[index] as number) + 1;
      return true;
    };
    await push.add({ offer });
  }
  expect(watch.mock.calls).toEqual([[true]]);
  const startMs = performance.now();
  const enough = (2 * PENDING_PUSH_BURST_BYTES) / (3 * MAX_TRANSACTION_BYTES);
  for (let i = 0; i < enough; i++) push.push(pooled(MAX_TRANSACTION_BYTES));
  const refilled = ((performance.now() - startMs) / 1_000) * PENDING_PUSH_BYTES_PER_SECOND;
  const [shown = 0] = counts;
  expect(new Set(counts)).toEqual(new Set([shown]));
  expect(3 * shown * MAX_TRANSACTION_BYTES).toBeLessThanOrEqual(PENDING_PUSH_BURST_BYTES + refilled);
  expect(3 * (shown + 2) * MAX_TRANSACTION_BYTES).toBeGreaterThan(PENDING_PUSH_BURST_BYTES);
  expect(skipped.mock.calls.reduce((sum, [count]) => sum + count, 0)).toBe(3 * (Math.ceil(enough) - shown));
});

test('what a thread has not taken is bounded, and goes on once it has', async () => {
  const taken: (() => void)[] = [];
  const skipped = vi.fn();
  const handover = new PendingHandover({
    send: () => new Promise<void>((resolve) => taken.push(resolve)),
    onSkipped: skipped,
  });
  const fits = Math.floor(MAX_PENDING_HANDOVER_BYTES / MAX_TRANSACTION_BYTES);
  for (let i = 0; i < fits + 2; i++) handover.push(pooled(MAX_TRANSACTION_BYTES));
  expect(taken).toHaveLength(fits);
  expect(skipped).toHaveBeenCalledTimes(2);
  taken[0]?.();
  await waitFor(() => {
    handover.push(pooled(MAX_TRANSACTION_BYTES));
    return taken.length === fits + 1;
  });
});

test('skipped transactions are told in sums, none of them twice', async () => {
  const told: number[] = [];
  const gates: (() => void)[] = [];
  const count = new SkippedCount((sum) => {
    told.push(sum);
    return new Promise<void>((resolve) => gates.push(resolve));
  });
  for (let i = 0; i < 10; i++) count.add(2);
  expect(told).toEqual([2]);
  gates[0]?.();
  await waitFor(() => told.length === 2);
  expect(told).toEqual([2, 18]);
});

test('a wish that changes often is one request at a time, told again when it was refused', async () => {
  const asked: number[] = [];
  const answers: PromiseWithResolvers<undefined>[] = [];
  const link = {
    ask: (_kind: number, [flag = 9]: Uint8Array) => {
      asked.push(flag);
      const answer = Promise.withResolvers<undefined>();
      answers.push(answer);
      return answer.promise;
    },
  };
  const watch = new PoolWatch();
  watch.want(true);
  watch.follow(link);
  for (let i = 0; i < 10; i++) watch.want(i % 2 === 0);
  watch.want(true);
  expect(asked).toEqual([1]);
  answers[0]?.reject(new StrobeError('SEQUENCER_LINK_BUSY', 'busy'));
  await waitFor(() => asked.length === 2);
  watch.want(false);
  answers[1]?.resolve(undefined);
  await waitFor(() => asked.length === 3);
  expect(asked).toEqual([1, 1, 0]);
  answers[2]?.resolve(undefined);
  watch.follow(undefined);
});
