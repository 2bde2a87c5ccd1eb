import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeTransaction } from '../../../src/protocol/transaction.ts';
import { rpcLimitsSchema } from '../../../src/rpc/limits.ts';
import { fromHex } from '../../../src/util/bytes.ts';
import { ALICE, RpcHarness, type RpcSocket, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness | undefined;
afterEach(async () => rpc?.stop());

const start = async (limits: object): Promise<RpcHarness> => {
  rpc = new RpcHarness({ limits });
  return rpc.start();
};

describe('limits', () => {
  it('have a default each, and refuse unknown names and values out of range', () => {
    const limits = rpcLimitsSchema.parse({});
    expect(Object.values(limits).every((value) => Number.isSafeInteger(value) && value > 0)).toBe(true);
    expect(limits).toMatchObject({ maxBodyBytes: 5_242_880, maxBatchItems: 1_000, syncTimeoutMs: 2_000 });
    expect(() => rpcLimitsSchema.parse({ maxBatchItems: 0 })).toThrow();
    expect(() => rpcLimitsSchema.parse({ maxBodies: 1 })).toThrow();
  });

  it('refuses a body above the limit with status 413', async () => {
    const server = await start({ maxBodyBytes: 2_000 });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'web3_sha3', params: [`0x${'00'.repeat(2_000)}`] });
    expect((await server.post(body)).status).toBe(413);
  });

  it('closes a WebSocket that sends a message above the limit', async () => {
    const client = await (await start({ maxBodyBytes: 2_000 })).connect();
    client.socket.send('x'.repeat(2_001));
    expect((await client.closed).code).toBe(1009);
  });

  it('replaces answers above the response limit, also within a batch', async () => {
    const server = await start({ maxResponseBytes: 1_100 });
    expect((await server.call('eth_getBlockByNumber', '0x0', false)).error).toMatchObject({
      code: -32005,
      message: 'response too large',
    });
    const item = (id: number): object => ({ jsonrpc: '2.0', id, method: 'web3_clientVersion' });
    const answers = (await server.answer(JSON.stringify(Array.from({ length: 60 }, (_, id) => item(id))))) as unknown as {
      error?: object;
    }[];
    expect(answers).toHaveLength(60);
    expect(answers[0]).not.toHaveProperty('error');
    expect(answers.at(-1)).toHaveProperty('error');
  });

  it('refuses raw transactions above 128 KiB', async () => {
    const server = await start({});
    const { error } = await server.call('eth_sendRawTransaction', `0x${'00'.repeat(128 * 1024 + 1)}`);
    expect(error).toEqual({ code: -32000, message: 'oversized data' });
    expect(server.chain.submitted).toEqual([]);
  });

  it('bounds WebSockets, and frees the place of one that closes', async () => {
    const server = await start({ maxWebSockets: 1 });
    const client = await server.connect();
    await expect(server.connect()).rejects.toThrow('503');
    client.socket.close();
    await client.closed;
    await vi.waitFor(() => server.connect(), { interval: 5 });
  });

  it('bounds connections', async () => {
    const server = await start({ maxConnections: 1 });
    const first = connect(server.address.port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    await expect(server.connect()).rejects.toThrow();
    first.destroy();
  });

  it('bounds subscriptions of a connection and of the node', async () => {
    const server = await start({ maxSubscriptionsPerConnection: 2, maxSubscriptions: 3 });
    const [a, b] = [await server.connect(), await server.connect()];
    const first = await a.subscribe('newHeads');
    await a.subscribe('newHeads');
    expect((await a.call('eth_subscribe', 'newHeads')).error).toMatchObject({
      code: -32005,
      message: expect.stringMatching('this connection'),
    });
    await b.subscribe('newHeads');
    expect((await b.call('eth_subscribe', 'newHeads')).error).toMatchObject({
      code: -32005,
      message: expect.stringMatching('this node'),
    });
    await a.call('eth_unsubscribe', first);
    expect(await b.subscribe('newHeads')).toMatch(/^0x/);
  });

  it('answers every request of a client that asks faster than it is answered', async () => {
    const server = await start({ maxInFlightPerConnection: 4 });
    const client = await server.connect();
    for (let id = 1_000; id < 1_200; id++) {
      client.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_getBalance', params: [`0x${'01'.repeat(20)}`] }));
    }
    await client.until(() => (client.messages.length === 200 ? true : undefined));
    expect(new Set(client.messages.map(({ id }) => id)).size).toBe(200);
  });

  describe('a subscriber that does not read', () => {
    /** Pushes 200 kB at a time to a reader and a sleeper, until the sleeper is dropped or 40 MB are out. */
    async function overwhelm(
      server: RpcHarness,
      limits: { sleepers: number },
    ): Promise<{ sleepers: RpcSocket[]; reader: RpcSocket }> {
      const transaction = decodeTransaction(fromHex(await signTransfer({ data: `0x${'00'.repeat(100_000)}` })));
      const sleepers = await Promise.all(Array.from({ length: limits.sleepers }, () => server.connect()));
      const reader = await server.connect();
      for (const { socket } of sleepers) socket.pause();
      const id = await reader.subscribe('miniBlocks');
      for (const { socket } of sleepers) socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["miniBlocks"]}');
      await vi.waitUntil(async () => (await server.metric('rpc_subscriptions')) === sleepers.length + 1, { interval: 5 });
      for (let count = 1; count <= 200; count++) {
        server.chain.pool.set('big', { transaction, sender: fromHex(ALICE.address) });
        server.chain.mine();
        await reader.nextPushes(id, count);
        if ((await server.metric('rpc_subscriptions')) === 1) break;
      }
      return { sleepers, reader };
    }

    it('is dropped with a reason, and the others are served', async () => {
      const server = await start({ maxSubscriberQueueBytes: 1_000_000 });
      const { sleepers, reader } = await overwhelm(server, { sleepers: 1 });
      expect(await server.metric('rpc_slow_readers_dropped_total')).toBe(1);
      sleepers[0]?.socket.resume();
      expect(await sleepers[0]?.closed).toEqual({ code: 1013, reason: 'slow reader: too much unsent data' });
      expect((await reader.call('eth_chainId')).result).toBe('0x539');
    });

    it('frees its memory even when it never takes the close frame', async () => {
      const server = await start({ maxSubscriberQueueBytes: 1_000_000 });
      await overwhelm(server, { sleepers: 1 });
      await vi.waitUntil(async () => (await server.metric('rpc_websockets')) === 1, { timeout: 5_000 });
    });

    it('shares one bound with the others like it', async () => {
      const server = await start({ maxSubscriberQueueBytes: 100_000_000, maxTotalQueueBytes: 8_000_000 });
      await overwhelm(server, { sleepers: 3 });
      expect(await server.metric('rpc_slow_readers_dropped_total')).toBeGreaterThan(0);
    });
  });

  it('ends connections whose peer vanished', async () => {
    const server = await start({ pingIntervalMs: 100 });
    const [alive, dead] = [await server.connect(), await server.connect()];
    dead.socket.pause();
    await vi.waitUntil(async () => (await server.metric('rpc_websockets')) === 1, { timeout: 5_000 });
    expect((await alive.call('eth_chainId')).result).toBe('0x539');
  });

  it('counts calls by method and outcome, unknown names as one', async () => {
    const server = await start({});
    await server.call('eth_chainId');
    await server.call('eth_getBalance', 1);
    await server.call('attacker_chosen');
    expect(await server.metric('rpc_calls_total{method="eth_chainId",outcome="ok"}')).toBe(1);
    expect(await server.metric('rpc_calls_total{method="eth_getBalance",outcome="error"}')).toBe(1);
    expect(await server.metric('rpc_calls_total{method="unknown",outcome="error"}')).toBe(1);
    expect(await server.metric('rpc_message_seconds_count{transport="http"}')).toBe(3);
  });
});
