import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { poolError } from '../../../src/protocol/pool-errors.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness;
afterEach(() => rpc.stop());

const hashOf = (raw: string): string => toHex(keccak256(fromHex(raw)));
const pooled = (count: number): Promise<void> =>
  vi.waitUntil(() => rpc.chain.submitted.length >= count, { interval: 1 }).then(() => {});

describe.each(['eth_sendRawTransactionSync', 'realtime_sendRawTransaction'])('%s', (method) => {
  beforeEach(async () => {
    rpc = await new RpcHarness({ limits: { maxReceiptWaiters: 2 } }).start();
  });

  it('answers the receipt when the mini-block is made before the submission returns', async () => {
    rpc.chain.includesAtOnce = true;
    const raw = await signTransfer();
    expect(await rpc.result(method, raw)).toMatchObject({
      transactionHash: hashOf(raw),
      blockNumber: '0x1',
      blockHash: `0x${'00'.repeat(32)}`,
      status: '0x1',
    });
  });

  it('answers once the transaction is in a mini-block', async () => {
    const raw = await signTransfer();
    const answer = rpc.result(method, raw);
    await pooled(1);
    rpc.chain.mine();
    expect(await answer).toMatchObject({ transactionHash: hashOf(raw) });
  });

  it('answers what was included already', async () => {
    const raw = await signTransfer();
    await rpc.result('eth_sendRawTransaction', raw);
    const { hash } = rpc.chain.seal();
    expect(await rpc.result(method, raw)).toMatchObject({ transactionHash: hashOf(raw), blockHash: toHex(hash) });
  });

  it('lets a second send of a pooled transaction wait for the same receipt', async () => {
    const raw = await signTransfer();
    const answers = [rpc.result(method, raw), rpc.result(method, raw)];
    await pooled(2);
    rpc.chain.mine();
    for (const answer of answers) expect(await answer).toMatchObject({ transactionHash: hashOf(raw) });
  });

  it.each([
    [
      'answers what a replica is about to hear of',
      1n,
      expect.objectContaining({ result: expect.objectContaining({ status: '0x1' }) }),
    ],
    [
      'keeps the error for what another one replaced',
      2n,
      expect.objectContaining({ error: expect.objectContaining({ code: -32000 }) }),
    ],
  ])('%s, which the sequencer has in a mini-block already', async (_, value, expected) => {
    rpc.chain.submitError = poolError('NONCE_TOO_LOW', 'nonce too low: next nonce 1, tx nonce 0');
    const answer = rpc.call(method, await signTransfer());
    await vi.waitUntil(async () => (await rpc.metric('rpc_nonce_waiters')) === 1, { interval: 1 });
    rpc.chain.submitError = undefined;
    await rpc.result('eth_sendRawTransaction', await signTransfer({ value }));
    rpc.chain.mine();
    expect(await answer).toEqual(expected);
  });

  it('has one listener on the chain however many wait', async () => {
    const before = rpc.chain.listenerCount;
    const answers = [rpc.call(method, await signTransfer()), rpc.call(method, await signTransfer({ nonce: 1 }))];
    await pooled(2);
    expect(rpc.chain.listenerCount).toBe(before);
    expect((await rpc.call(method, await signTransfer({ nonce: 2 }))).error?.code).toBe(-32005);
    rpc.chain.mine();
    await Promise.all(answers);
    rpc.chain.includesAtOnce = true;
    expect(await rpc.result(method, await signTransfer({ nonce: 2 }))).toBeDefined();
  });

  it('passes the errors of the pool on', async () => {
    rpc.chain.submitError = poolError('INSUFFICIENT_FUNDS', 'insufficient funds for gas * price + value');
    expect((await rpc.call(method, await signTransfer())).error).toEqual({
      code: -32000,
      message: 'insufficient funds for gas * price + value',
    });
  });

  it('is ended by stop', async () => {
    const answer = rpc.call(method, await signTransfer());
    await pooled(1);
    await rpc.stop();
    expect((await answer).error).toBeDefined();
  });
});

describe('eth_sendRawTransactionSync errors (EIP-7966)', () => {
  beforeEach(async () => {
    rpc = await new RpcHarness({ limits: { syncTimeoutMs: 40, maxSyncTimeoutMs: 60, realtimeTimeoutMs: 40 } }).start();
  });

  it.each([undefined, null, 0, -0, '0x0', 50, '0x32', 1e9, 1e300, `0x${'f'.repeat(64)}`])(
    'gives code 4 and the hash after the timeout %j',
    async (timeout) => {
      const raw = await signTransfer();
      const { error } = await rpc.call('eth_sendRawTransactionSync', raw, timeout);
      const waitedMs = timeout === 50 || timeout === '0x32' ? 50 : Number(timeout) >= 1e9 ? 60 : 40;
      expect(error).toMatchObject({ code: 4, data: hashOf(raw), message: expect.stringMatching(`in ${waitedMs} ms`) });
    },
  );

  it.each([-1, 1.5, 'soon', {}, [], true, '', '50', '0x', '0x032', '-0x32', `0x1${'0'.repeat(64)}`])(
    'refuses the timeout %j',
    async (timeout) => {
      const { error } = await rpc.call('eth_sendRawTransactionSync', await signTransfer(), timeout);
      expect(error).toMatchObject({ code: -32602, message: expect.stringMatching('timeout') });
    },
  );

  it('gives code 6 and the expected nonce for a gap, and does not pool', async () => {
    await rpc.result('eth_sendRawTransaction', await signTransfer());
    const { error } = await rpc.call('eth_sendRawTransactionSync', await signTransfer({ nonce: 5 }));
    expect(error).toMatchObject({ code: 6, data: '0x1' });
    expect(rpc.chain.pool.size).toBe(1);
  });

  it('gives code 5 and the hash when the node does not accept', async () => {
    rpc.chain.submitError = poolError('NOT_ACCEPTING', 'the node is catching up');
    const raw = await signTransfer();
    expect((await rpc.call('eth_sendRawTransactionSync', raw)).error).toMatchObject({ code: 5, data: hashOf(raw) });
  });

  it('gives code 4 and the hash when the link to the sequencer is lost', async () => {
    rpc.chain.submitError = new StrobeError('SEQUENCER_UNREACHABLE', 'the sequencer does not answer');
    const raw = await signTransfer();
    expect((await rpc.call('eth_sendRawTransactionSync', raw)).error).toMatchObject({ code: 4, data: hashOf(raw) });
  });

  it('keeps nonce too low for another transaction at a used nonce', async () => {
    rpc.chain.includesAtOnce = true;
    await rpc.result('eth_sendRawTransactionSync', await signTransfer());
    const { error } = await rpc.call('eth_sendRawTransactionSync', await signTransfer({ value: 2n }));
    expect(error).toMatchObject({ code: -32000, message: expect.stringMatching('nonce too low') });
  });

  it('says expired in the realtime dialect', async () => {
    const { error } = await rpc.call('realtime_sendRawTransaction', await signTransfer());
    expect(error).toEqual({ code: -32000, message: 'realtime transaction expired' });
  });
});
