import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { RpcHarness, type RpcSocket, signTransfer } from '../../support/rpc-harness.ts';

const ZERO = `0x${'00'.repeat(32)}`;
const topic = (byte: string): Hex => `0x${byte.repeat(32)}`;

let rpc: RpcHarness;
let client: RpcSocket;
beforeEach(async () => {
  rpc = await new RpcHarness().start();
  client = await rpc.connect();
});
afterEach(() => rpc.stop());

async function sendLog(nonce: number, data: Hex): Promise<string> {
  return rpc.result('eth_sendRawTransaction', await signTransfer({ nonce, to: toHex(LOGGER), data }));
}

/** Ends when everything that was pushed before has arrived. */
const drained = (): Promise<unknown> => client.call('eth_chainId');

describe('eth_subscribe', () => {
  it('newHeads: the header of each sealed block with its number of mini-blocks', async () => {
    const id = await client.subscribe('newHeads');
    rpc.chain.mine();
    rpc.chain.mine();
    const { hash } = rpc.chain.seal();
    const [head] = await client.nextPushes(id, 1);
    expect(head).toMatchObject({
      number: '0x1',
      hash: toHex(hash),
      miniBlockCount: '0x2',
      parentHash: toHex(rpc.chain.blocks[0]?.hash ?? hash),
    });
    expect(head).not.toHaveProperty('transactions');
  });

  it('miniBlocks: transactions and receipts with plain numbers', async () => {
    const id = await client.subscribe('miniBlocks');
    const hash = await sendLog(0, topic('07'));
    rpc.chain.mine();
    rpc.chain.mine();
    const [first, second] = await client.nextPushes(id, 2);
    expect(first).toMatchObject({
      block_number: 1,
      block_timestamp: 1_700_000_001,
      index: 0,
      mini_block_number: 1,
      mini_block_timestamp: 1_700_000_001_000_001,
      gas_used: 21_000,
      transactions: [{ hash, blockNumber: '0x1' }],
      receipts: [{ transactionHash: hash, blockHash: ZERO, logs: [{ topics: [topic('07')] }] }],
    });
    expect(second).toMatchObject({ index: 1, mini_block_number: 2, transactions: [], receipts: [] });
  });

  it('logs: those that match, when their block is sealed', async () => {
    const [all, matching, others] = [
      await client.subscribe('logs', {}),
      await client.subscribe('logs', { address: toHex(LOGGER), topics: [null, [topic('08'), topic('09')]] }),
      await client.subscribe('logs', { address: topic('11').slice(0, 42) }),
    ];
    await sendLog(0, topic('07'));
    await sendLog(1, `${topic('07')}${'09'.repeat(32)}`);
    rpc.chain.mine();
    await drained();
    expect(client.pushes(all)).toEqual([]);
    const { hash } = rpc.chain.seal();
    expect(await client.nextPushes(all, 2)).toMatchObject([
      { logIndex: '0x0', blockHash: toHex(hash), removed: false },
      { logIndex: '0x1', transactionIndex: '0x1' },
    ]);
    expect(await client.nextPushes(matching, 1)).toMatchObject([{ logIndex: '0x1' }]);
    await drained();
    expect(client.pushes(others)).toEqual([]);
  });

  it('logs with a pending range: as soon as their mini-block exists, and only then', async () => {
    const id = await client.subscribe('logs', { fromBlock: 'pending', toBlock: 'pending', topics: [topic('07')] });
    await sendLog(0, topic('07'));
    rpc.chain.mine();
    expect(await client.nextPushes(id, 1)).toMatchObject([
      { blockNumber: '0x1', blockHash: ZERO, blockTimestamp: '0x6553f101', removed: false },
    ]);
    rpc.chain.seal();
    await drained();
    expect(client.pushes(id)).toHaveLength(1);
  });

  it('logs after a rollback: newest first with removed: true, to each who was told of them', async () => {
    const sealed = await client.subscribe('logs', {});
    const pending = await client.subscribe('logs', { toBlock: 'pending' });
    await sendLog(0, topic('07'));
    const { hash } = rpc.chain.seal();
    await sendLog(1, topic('08'));
    rpc.chain.mine();
    await client.nextPushes(pending, 2);
    rpc.chain.rollback(0);
    expect((await client.nextPushes(pending, 4)).slice(2)).toMatchObject([
      { topics: [topic('08')], removed: true, blockHash: ZERO },
      { topics: [topic('07')], removed: true },
    ]);
    expect(await client.nextPushes(sealed, 2)).toMatchObject([
      { removed: false },
      { topics: [topic('07')], blockHash: toHex(hash), removed: true },
    ]);
  });

  it('newPendingTransactions: hashes, or objects when asked for', async () => {
    const hashes = await client.subscribe('newPendingTransactions');
    const full = await client.subscribe('newPendingTransactions', true);
    const hash = await sendLog(0, topic('07'));
    expect(await client.nextPushes(hashes, 1)).toEqual([hash]);
    expect(await client.nextPushes(full, 1)).toMatchObject([{ hash, blockHash: null, nonce: '0x0' }]);
  });

  it('listens to the pool only while somebody wants to know', async () => {
    const before = rpc.chain.listenerCount;
    const ids = [await client.subscribe('newPendingTransactions'), await client.subscribe('newPendingTransactions', true)];
    await drained();
    expect(rpc.chain.listenerCount).toBe(before + 1);
    for (const id of ids) expect((await client.call('eth_unsubscribe', id)).result).toBe(true);
    expect(rpc.chain.listenerCount).toBe(before);
  });

  it('syncing: when it begins and when it ends', async () => {
    const id = await client.subscribe('syncing');
    rpc.chain.mine();
    rpc.chain.syncing = { currentBlock: 1, highestBlock: 9 };
    rpc.chain.mine();
    const status = { startingBlock: '0x0', currentBlock: '0x1', highestBlock: '0x9' };
    expect(await client.nextPushes(id, 1)).toEqual([{ syncing: true, status }]);
    rpc.chain.mine();
    rpc.chain.syncing = undefined;
    rpc.chain.mine();
    expect(await client.nextPushes(id, 2)).toEqual([{ syncing: true, status }, false]);
  });

  it('pushes nothing before the answer that gives the id', async () => {
    rpc.chain.includesAtOnce = true;
    const subscribe = { jsonrpc: '2.0', id: 'sub', method: 'eth_subscribe', params: ['miniBlocks'] };
    const send = { jsonrpc: '2.0', id: 'send', method: 'eth_sendRawTransaction', params: [await signTransfer()] };
    client.socket.send(JSON.stringify([subscribe, send]));
    const [answers] = await client.until(() => (client.messages.length > 0 ? client.messages : undefined));
    expect(answers).toMatchObject([{ id: 'sub' }, { id: 'send' }]);
    rpc.chain.mine();
    expect(await client.nextPushes(answers[0].result, 1)).toMatchObject([{ mini_block_number: 2 }]);
  });

  it('ends with eth_unsubscribe, once', async () => {
    const id = await client.subscribe('miniBlocks');
    expect((await client.call('eth_unsubscribe', id)).result).toBe(true);
    rpc.chain.mine();
    await drained();
    expect(client.pushes(id)).toEqual([]);
    expect((await client.call('eth_unsubscribe', id)).error).toEqual({ code: -32000, message: 'subscription not found' });
  });

  it('keeps the subscriptions of connections apart', async () => {
    const other = await rpc.connect();
    const id = await client.subscribe('miniBlocks');
    expect((await other.call('eth_unsubscribe', id)).error?.code).toBe(-32000);
    client.socket.terminate();
    await vi.waitUntil(async () => (await rpc.result('net_listening')) && client.socket.readyState === 3);
    rpc.chain.mine();
    expect((await other.call('eth_chainId')).result).toBe('0x539');
  });

  it.each([
    [['nothing'], -32601],
    [[7], -32602],
    [['logs', { fromBlock: '0x2', toBlock: '0x1' }], -32602],
    [[], -32602],
    [['newHeads', true], -32602],
    [['newPendingTransactions', 'yes'], -32602],
    [['logs', { blockHash: ZERO }], -32602],
    [['logs', { topics: 'x' }], -32602],
  ])('refuses %j', async (params, code) => {
    expect((await client.call('eth_subscribe', ...params)).error?.code).toBe(code);
  });

  it('needs a WebSocket', async () => {
    expect((await rpc.call('eth_subscribe', 'newHeads')).error).toMatchObject({
      code: -32601,
      message: expect.stringMatching('notifications not supported'),
    });
  });

  it('closes its sockets when the server stops', async () => {
    await client.subscribe('newHeads');
    await rpc.server.stop();
    expect((await client.closed).code).toBe(1001);
    expect(rpc.chain.listenerCount).toBe(0);
  });
});
