import { expect, test } from 'vitest';
import { ForwardedPool } from '../../../src/fullnode/forwarded-pool.ts';
import type { SequencerLink } from '../../../src/protocol/ports/network.ts';
import type { PoolPage } from '../../../src/protocol/ports/pool.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { signTransfer } from '../../support/rpc-harness.ts';

const sender = new Uint8Array(20).fill(3);
const raws = (await Promise.all([0, 1, 2, 3].map((nonce) => signTransfer({ nonce })))).map((raw) => fromHex(raw));

/** A link whose pages hold one transaction each; the last comes twice. */
function linkOf(asked: [number, Uint8Array | undefined][]): Pick<SequencerLink, 'poolCounts' | 'poolPage'> {
  return {
    poolCounts: async () => ({ pending: 3, queued: 1 }),
    poolPage: async (from, of): Promise<PoolPage> => {
      asked.push([from, of]);
      const at = Math.min(from, 3);
      return { entries: [{ raw: defined(raws[at]), sender, isQueued: at === 3 }], next: from < 4 ? from + 1 : undefined };
    },
  };
}

test('page after page is read, and a transaction that moved in between is listed once', async () => {
  const asked: [number, Uint8Array | undefined][] = [];
  const pool = new ForwardedPool({ link: linkOf(asked) as SequencerLink });
  const listed = await pool.list(10, sender);
  expect(listed.map(({ transaction }) => toHex(transaction.hash))).toEqual(raws.map((raw) => toHex(keccak256(raw))));
  expect(listed.map(({ isQueued }) => isQueued)).toEqual([false, false, false, true]);
  expect(asked).toEqual([0, 1, 2, 3, 4].map((from) => [from, sender]));
  expect(await pool.counts()).toEqual({ pending: 3, queued: 1 });
});

test('reading ends at the limit', async () => {
  const asked: [number, Uint8Array | undefined][] = [];
  const pool = new ForwardedPool({ link: linkOf(asked) as SequencerLink });
  await expect(pool.list(2)).rejects.toMatchObject({ code: 'POOL_TOO_LARGE' });
  expect(asked).toHaveLength(3);
});
