import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { packRecoveryJobs, type RecoveryJob, recoverBatch, unpackRecoveryResults } from '../../../src/crypto/recovery.ts';
import { RecoveryPool } from '../../../src/crypto/recovery-pool.ts';
import type { Address } from '../../../src/protocol/primitives.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { signDigest } from '../../../src/util/secp256k1.ts';
import { bytesOf, hash } from '../../support/arbitraries.ts';
import { runs } from '../../support/property-runs.ts';
import { testAccount } from '../../support/test-accounts.ts';

const accounts = Array.from({ length: 5 }, (_, i) => testAccount(`sender ${i}`));

interface Expected {
  readonly job: RecoveryJob;
  readonly sender: Address | undefined;
}

/** A job that somebody signed, or one with a signature that nobody can have made. */
function jobOf(number: number): Expected {
  const signingHash = keccak256(Uint8Array.of(number & 255, number >> 8));
  const { address, privateKey } = accounts[number % accounts.length] as (typeof accounts)[number];
  const signature = signDigest(signingHash, privateKey);
  if (number % 7 !== 6) return { job: { signingHash, signature }, sender: address };
  return { job: { signingHash, signature: signature.fill(0xff, 0, 32) }, sender: undefined };
}

test('a batch gives each job its sender, in order', () => {
  const expected = Array.from({ length: 40 }, (_, i) => jobOf(i));
  const results = unpackRecoveryResults(recoverBatch(packRecoveryJobs(expected.map(({ job }) => job))));
  expect(results).toEqual(expected.map(({ sender }) => sender));
  expect(unpackRecoveryResults(recoverBatch(packRecoveryJobs([])))).toEqual([]);
});

test('no signature, however wrong, makes recovery fail otherwise than by answering undefined', () => {
  fc.assert(
    fc.property(hash, bytesOf(65), (signingHash, signature) => {
      const [sender] = unpackRecoveryResults(recoverBatch(packRecoveryJobs([{ signingHash, signature }])));
      expect(sender === undefined || sender.length === 20).toBe(true);
    }),
    runs(100),
  );
});

describe.each([
  ['on the calling thread', false],
  ['in a worker thread', true],
])('a pool %s', (_, thread) => {
  let pool: RecoveryPool;
  afterEach(() => pool.stop());

  test('answers a flood of mixed jobs, each with its own outcome', async () => {
    pool = new RecoveryPool({ thread });
    const expected = Array.from({ length: 700 }, (_unused, i) => jobOf(i));
    const outcomes = await Promise.allSettled(expected.map(({ job }) => pool.recover(job)));
    for (const [i, outcome] of outcomes.entries()) {
      const sender = expected[i]?.sender;
      if (sender === undefined)
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_SENDER', message: 'invalid sender' } });
      else expect(outcome).toEqual({ status: 'fulfilled', value: sender });
    }
    // It starts again after it ran dry.
    expect(await pool.recover(jobOf(1).job)).toEqual(jobOf(1).sender);
  });

  test('refuses what its queue cannot hold, and answers the rest', async () => {
    pool = new RecoveryPool({ thread });
    const { job } = jobOf(6);
    const outcomes = await Promise.allSettled(Array.from({ length: 20_001 }, () => pool.recover(job)));
    const codes = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'recovered',
    );
    expect(codes.filter((code) => code === 'RECOVERY_QUEUE_FULL')).toHaveLength(1);
    expect(codes.filter((code) => code === 'INVALID_SENDER')).toHaveLength(20_000);
    expect(codes.at(-1)).toBe('RECOVERY_QUEUE_FULL');
  });
});

test('a stopped pool rejects what waits and what comes', async () => {
  const pool = new RecoveryPool({ thread: true });
  const waiting = Array.from({ length: 600 }, (_, i) => pool.recover(jobOf(i).job));
  const settled = Promise.allSettled(waiting);
  await pool.stop();
  for (const outcome of await settled) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'RECOVERY_FAILED' } });
  await expect(pool.recover(jobOf(1).job)).rejects.toMatchObject({ code: 'RECOVERY_FAILED' });
});
