import { beforeEach, expect, test, vi } from 'vitest';
import { RecoveryPool } from '../../../src/crypto/recovery-pool.ts';
import type { PooledBytes } from '../../../src/protocol/ports/pool.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { MiniBlockBuilder } from '../../../src/sequencer/mini-block-builder.ts';
import { MiniBlockCommitter } from '../../../src/sequencer/mini-block-committer.ts';
import { TransactionIngress } from '../../../src/sequencer/transaction-ingress.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { createSequencerKit, type SequencerKit } from '../../support/sequencer-kit.ts';

const clock = { nowMs: () => 0 };
let kit: SequencerKit;
let ingress: TransactionIngress;
const recovery = new RecoveryPool({ thread: false });
const wake = vi.fn();

beforeEach(async () => {
  kit = await createSequencerKit({ clock });
  wake.mockClear();
  ingress = new TransactionIngress({ mempool: kit.mempool, recovery, wake });
});

test('a good transaction is pooled under its recovered sender, and the loop is woken', async () => {
  const transaction = kit.transfer(2);
  expect(await ingress.submit(transaction.raw)).toEqual(transaction.hash);
  expect(wake).toHaveBeenCalledOnce();
  const sender = defined(kit.builder.accounts[2]).address;
  const pooled = defined(await ingress.pooledTransaction(transaction.hash));
  expect(toHex(pooled.sender)).toBe(toHex(sender));
  expect(await ingress.pendingNonce(sender)).toBe(1n);
  const service = ingress.service();
  expect(await service.pendingNonce(sender)).toBe(1n);
  expect(await service.pooledTransaction(transaction.hash)).toEqual(transaction.raw);
  expect(await service.pooledTransaction(new Uint8Array(32))).toBeUndefined();
});

test('the pool keeps its own copy: the message that brought a transaction may be used again', async () => {
  const { raw, hash } = kit.transfer(0);
  const message = new Uint8Array(raw);
  await ingress.submit(message);
  message.fill(0);
  expect(await ingress.service().pooledTransaction(hash)).toEqual(raw);
});

test('a transaction is known without a break from the pool to its durable mini-block', async () => {
  const transaction = kit.transfer(2);
  await ingress.submit(transaction.raw);
  const env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.nowMs());
  await kit.engine.beginBlock(env);
  const builder = new MiniBlockBuilder({ ...kit.modules, nowMs: clock.nowMs, onRejected: () => {} });
  const limits = { executeUntilMs: 1, isWaiting: () => false, blockGasUsed: 0n, blockRecordBytes: 0, gasBudget: 10n ** 9n };
  const batch = await builder.build(env, limits);
  const gate = Promise.withResolvers<void>();
  kit.log.gate = gate.promise;
  const committing = new MiniBlockCommitter(kit.options, kit.modules).commit(env, batch, 1);
  // Executed, and its mini-block is being written.
  expect(await ingress.pooledTransaction(transaction.hash)).toBeDefined();
  await expect(ingress.submit(transaction.raw)).rejects.toMatchObject({ code: 'ALREADY_KNOWN' });
  expect(kit.mempool.size).toBe(0);
  gate.resolve();
  await committing;
  expect(await ingress.pooledTransaction(transaction.hash)).toBeUndefined();
  await expect(ingress.submit(transaction.raw)).rejects.toMatchObject({ code: 'NONCE_TOO_LOW' });
});

test('what is refused wakes nobody', async () => {
  const known = kit.transfer(0);
  await ingress.submit(known.raw);
  wake.mockClear();
  await expect(ingress.submit(known.raw)).rejects.toMatchObject({ code: 'ALREADY_KNOWN', message: 'already known' });
  await expect(ingress.submit(Uint8Array.of(3, 1))).rejects.toMatchObject({ code: 'TRANSACTION_TYPE_NOT_SUPPORTED' });
  await expect(ingress.submit(new Uint8Array(0))).rejects.toMatchObject({ code: 'INVALID_TRANSACTION' });
  await expect(ingress.submit(new Uint8Array(128 * 1024 + 1).fill(2))).rejects.toMatchObject({ code: 'TRANSACTION_TOO_LARGE' });
  kit.transfer(0);
  const gapped = kit.transfer(0);
  await expect(ingress.submit(gapped.raw, { requireReady: true })).rejects.toMatchObject({
    code: 'NONCE_GAP',
    meta: { expectedNonce: '0x1' },
  });
  await expect(ingress.service().submit(gapped.raw, { requireReady: true })).rejects.toMatchObject({ code: 'NONCE_GAP' });
  expect(wake).not.toHaveBeenCalled();
  expect(await ingress.submit(gapped.raw)).toEqual(gapped.hash);
});

test('the same transaction sent twice at once is pooled once', async () => {
  const { raw } = kit.transfer(0);
  const outcomes = await Promise.allSettled([ingress.submit(raw), ingress.submit(raw)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(kit.mempool.size).toBe(1);
});

test('subscribers see what enters', async () => {
  const seen: string[] = [];
  const unsubscribe = ingress.subscribePending((transaction) => seen.push(toHex(transaction.hash)));
  const first = kit.transfer(0);
  await ingress.submit(first.raw);
  unsubscribe();
  const travelling: PooledBytes[] = [];
  const end = ingress.service().subscribePending((pooled) => travelling.push(pooled));
  const second = kit.transfer(0);
  await ingress.submit(second.raw);
  end();
  await ingress.submit(kit.transfer(0).raw);
  expect(seen).toEqual([toHex(first.hash)]);
  expect(travelling).toEqual([{ raw: second.raw, sender: defined(kit.builder.accounts[0]).address }]);
});
