import { describe, expect, it, vi } from 'vitest';
import { openRpcThread } from '../../../src/node/rpc-thread.ts';
import type { RpcThreadData } from '../../../src/node/rpc-thread-api.ts';
import { toHex } from '../../../src/util/bytes.ts';
import type { WorkerHost } from '../../../src/util/worker-host.ts';
import { defined } from '../../support/defined.ts';
import { rpcBatch } from '../../support/json-rpc.ts';
import { onThisThread, RpcThreadKit, refusalOf } from '../../support/rpc-thread-kit.ts';
import { waitFor } from '../../support/wait-for.ts';

const SENDS = 200;

const inAThread = (data: RpcThreadData): WorkerHost => openRpcThread(data);

/** Some sealed blocks and an open one, served. */
async function servedChain(openHost: (data: RpcThreadData) => WorkerHost): Promise<RpcThreadKit> {
  const kit = await new RpcThreadKit().open();
  for (let block = 0; block < 3; block++) {
    await kit.transfer(block);
    await kit.transfer(block + 1);
    await kit.seal();
  }
  await kit.transfer(0);
  await kit.serve(openHost);
  return kit;
}

const hashOf = (miniBlock: { decoded: readonly { hash: Uint8Array }[] }): string => toHex(defined(miniBlock.decoded[0]).hash);

describe.each([
  ['on the calling thread', onThisThread],
  ['in a thread of its own', inAThread],
])('JSON-RPC %s', (_, openHost) => {
  it('serves the chain from before it began, its open block, and what comes after', async () => {
    const kit = await servedChain(openHost);
    expect(await kit.ask('eth_blockNumber')).toBe('0x3');
    expect(await kit.ask('eth_getBlockByNumber', '0x2', false)).toMatchObject({ hash: toHex(kit.builder.blockAt(2).hash) });
    expect((await kit.ask('eth_getBlockByNumber', 'pending', true)).transactions).toHaveLength(1);
    // From the log, whose files the thread reads by itself.
    expect(await kit.ask('strobe_miniBlock', 2)).toMatchObject({ number: '0x2' });

    const added = await kit.transfer(1);
    expect(await kit.ask('eth_getTransactionReceipt', hashOf(added))).toMatchObject({ status: '0x1', blockNumber: '0x4' });
    await kit.seal();
    // The thread is told of the seal by a message, which the request may overtake.
    await vi.waitFor(async () => {
      const receipt = await kit.ask('eth_getTransactionReceipt', hashOf(added));
      expect(receipt).toMatchObject({ blockHash: toHex(kit.builder.blockAt(4).hash), transactionIndex: '0x1' });
    });
    expect(await kit.ask('eth_getBlockReceipts', '0x4')).toHaveLength(2);
    expect(await kit.ask('strobe_nodeInfo')).toMatchObject({ role: 'replica', state: 'live', peerCount: '0x7' });
  });

  it('hears of a rollback in its place among the mini-blocks', async () => {
    const kit = await servedChain(openHost);
    const client = await kit.connect();
    const id = await client.subscribe('miniBlocks', { hashesOnly: true });
    const { asked: before } = await kit.balances(1);
    const [undone] = [await kit.transfer(0, 5n), await kit.transfer(0, 7n)];
    await kit.chainState.rollback(7);
    expect((await kit.balances(1)).asked).toBe(before);
    expect(await kit.ask('eth_getTransactionByHash', hashOf(undone))).toBeNull();
    await kit.chainState.rollback(4);
    expect(await kit.ask('eth_blockNumber')).toBe('0x2');
    const after = await kit.balances(1);
    expect(after.asked).toBe(after.stored);
    expect(await kit.ask('eth_getBlockByNumber', '0x3', false)).toBeNull();
    await expect(kit.ask('eth_getBalance', toHex(defined(kit.builder.accounts[0]).address), '0x3')).rejects.toThrow(/not found/);
    expect(await kit.ask('eth_getBalance', toHex(defined(kit.builder.accounts[0]).address), '0x1')).toMatch(/^0x/);
    const pushed = await client.nextPushes(id, 2);
    expect(pushed.map(({ mini_block_number: number }) => number)).toEqual([8, 9]);
  });
});

describe('JSON-RPC behind a channel', () => {
  it('reads the state of its newest mini-block, and of the blocks that are kept', async () => {
    const kit = await servedChain(onThisThread);
    const before = await kit.balances(1);
    expect(before.asked).toBe(before.stored);
    await kit.transfer(0, 1_000n);
    const after = await kit.balances(1);
    expect(after.asked).toBe(after.stored);
    expect(BigInt(after.asked) - BigInt(before.asked)).toBe(1_000n);
    const { address } = defined(kit.builder.accounts[1]);
    expect(await kit.ask('eth_getBalance', toHex(address), '0x0')).toBe(`0x${(10n ** 21n).toString(16)}`);
    const call = { from: toHex(address), to: toHex(address), value: after.asked };
    // The whole balance and not a wei more: the call stands on the same state.
    expect(await kit.ask('eth_call', call, 'latest')).toBe('0x');
    await expect(
      kit.ask('eth_call', { ...call, value: `0x${(BigInt(after.asked) + 1n).toString(16)}` }, 'latest'),
    ).rejects.toThrow(/insufficient funds/);
  });

  it('hands transactions to the pool in order, and its errors to the sender', async () => {
    const kit = await servedChain(onThisThread);
    const raws = Array.from({ length: SENDS }, (_, i) => toHex(Uint8Array.of(2, i)));
    const hashes = await rpcBatch(
      kit.url,
      'eth_sendRawTransaction',
      raws.map((raw) => [raw]),
    );
    expect(hashes).toHaveLength(SENDS);
    expect(kit.submitted.map((raw) => toHex(raw))).toEqual(raws);
    kit.refusal = refusalOf('POOL_FULL');
    await expect(kit.ask('eth_sendRawTransaction', '0x02')).rejects.toThrow(/-32000 refused with POOL_FULL/);
  });

  it('answers a synchronous send as soon as the mini-block is there', async () => {
    const kit = await servedChain(onThisThread);
    const built = kit.builder.miniBlock([kit.builder.transfer(2)]);
    const receipt = kit.ask('eth_sendRawTransactionSync', toHex(defined(built.decoded[0]).raw), 10_000);
    await waitFor(() => kit.submitted.length === 1);
    await kit.apply(built);
    expect(await receipt).toMatchObject({ status: '0x1', transactionHash: hashOf(built) });
  });

  it('tells of pooled transactions while somebody listens', async () => {
    const kit = await servedChain(onThisThread);
    expect(kit.isPoolWatched).toBe(false);
    const client = await kit.connect();
    const id = await client.subscribe('newPendingTransactions');
    await waitFor(() => kit.isPoolWatched);
    const transaction = defined(kit.builder.miniBlock([kit.builder.transfer(0)]).decoded[0]);
    kit.pooled(transaction, defined(kit.builder.accounts[0]).address);
    expect(await client.nextPushes(id, 1)).toEqual([toHex(transaction.hash)]);
    await client.call('eth_unsubscribe', id);
    await waitFor(() => !kit.isPoolWatched);
  });

  it('lists the pool, and simulates on the newest state', async () => {
    const kit = await servedChain(onThisThread);
    const transaction = defined(kit.builder.miniBlock([kit.builder.transfer(0)]).decoded[0]);
    const sender = defined(kit.builder.accounts[0]).address;
    kit.listed = [{ transaction, sender, isQueued: false }];
    expect(await kit.ask('txpool_status')).toEqual({ pending: '0x1', queued: '0x0' });
    const { pending } = await kit.ask('txpool_content');
    expect(Object.values(Object.values(pending)[0] as object)).toMatchObject([{ hash: toHex(transaction.hash) }]);
    const { asked } = await kit.balances(1);
    const calls = [{ from: toHex(defined(kit.builder.accounts[1]).address), to: toHex(sender), value: asked }];
    const [block] = await kit.ask('eth_simulateV1', { blockStateCalls: [{ calls }] }, 'latest');
    expect(block).toMatchObject({ number: '0x4', calls: [{ status: '0x1' }] });
  });

  it('shows its metrics among the others, and can be begun again', async () => {
    const kit = await servedChain(onThisThread);
    await kit.ask('eth_chainId');
    expect((await kit.metrics.expose()).body).toContain('strobe_rpc_calls_total{method="eth_chainId",outcome="ok"} 1');
    const { url } = kit;
    await kit.thread.stop();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    await kit.transfer(2);
    await kit.serve(onThisThread);
    expect((await kit.balances(2)).asked).toBe((await kit.balances(2)).stored);
  });

  it('says when it cannot listen', async () => {
    const kit = await servedChain(onThisThread);
    const taken = Number(new URL(kit.url).port);
    const other = await new RpcThreadKit().open();
    await expect(other.serve(onThisThread, taken)).rejects.toMatchObject({ code: 'RPC_LISTEN_FAILED' });
  });
});

it('a thread that dies fails the node, and what waits for it', async () => {
  const kit = await new RpcThreadKit().open();
  const dying = new URL('./fixtures/dying-rpc-worker.ts', import.meta.url);
  const serving = kit.serve((data) => openRpcThread(data, dying));
  await expect(serving).rejects.toMatchObject({ code: 'RPC_THREAD_FAILED', message: /it was meant to/ });
  await expect(kit.thread.failed).rejects.toMatchObject({ code: 'RPC_THREAD_FAILED' });
  // The core goes on, and closes in order.
  await kit.transfer(0);
  await kit.thread.stop();
});
