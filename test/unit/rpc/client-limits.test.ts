import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientTable } from '../../../src/rpc/client-table.ts';
import { rpcLimitsSchema } from '../../../src/rpc/limits.ts';
import type { RpcServerOptions } from '../../../src/rpc/server.ts';
import { RawConnection } from '../../support/raw-http.ts';
import { type RpcAnswer, RpcHarness } from '../../support/rpc-harness.ts';

/** However busy the machine is. */
const SOON = { interval: 5, timeout: 15_000 };

let rpc: RpcHarness | undefined;
// The clock that allowances grow with stands still but for what a test says.
beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(async () => {
  vi.useRealTimers();
  await rpc?.stop();
});

const start = async (limits: object, options: Partial<RpcServerOptions> = {}): Promise<RpcHarness> => {
  rpc = new RpcHarness({ limits, limitLoopback: true, ...options });
  return rpc.start();
};
const call = (method: string, id: unknown = 1): object => ({ jsonrpc: '2.0', id, method, params: [] });
const CALL = JSON.stringify(call('eth_chainId'));

describe('the rate of one client', () => {
  it('gives its burst, then 429 with -32005 and the time to wait', async () => {
    const server = await start({ rateBurst: 3, ratePerSecond: 1 });
    for (let count = 0; count < 3; count++) expect((await server.post(CALL)).status).toBe(200);
    const refused = await server.post(CALL);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32005 } });
    expect(await server.metric('rpc_refused_total{reason="rate"}')).toBe(1);
  });

  it('comes back with time', async () => {
    const server = await start({ rateBurst: 2, ratePerSecond: 10 });
    const statuses = async (): Promise<number[]> => {
      const all: number[] = [];
      for (let count = 0; count < 3; count++) all.push((await server.post(CALL)).status);
      return all;
    };
    expect(await statuses()).toEqual([200, 200, 429]);
    vi.advanceTimersByTime(100);
    expect(await statuses()).toEqual([200, 429, 429]);
    vi.advanceTimersByTime(60_000);
    expect(await statuses()).toEqual([200, 200, 429]);
  });

  it('counts each call of a batch by its weight, and lets a batch run that it pays for later', async () => {
    const server = await start({ rateBurst: 20, ratePerSecond: 1 });
    const batch = [...Array(4).fill(call('eth_getLogs')), call('debug_traceCall'), call('constructor'), 7];
    expect((await server.post(JSON.stringify(batch))).status).toBe(200);
    // 4 x 10 + 50 + 1 - 20 are owed.
    expect((await server.post(CALL)).headers.get('retry-after')).toBe('72');
  });

  it('counts the length of what comes and goes', async () => {
    const server = await start({ rateBurst: 20, ratePerSecond: 1 });
    const data = `0x${'00'.repeat(512 * 1024)}`;
    const echo = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ data }] });
    expect((await server.post(echo)).status).toBe(200);
    // 16 x 64 KiB both ways and a call.
    expect((await server.post(CALL)).headers.get('retry-after')).toBe(String(16 + 16 + 5 - 20 + 1));
  });

  it('refuses over WebSocket with the ids, of batches too, and not by silence', async () => {
    const client = await (await start({ rateBurst: 1, ratePerSecond: 1 })).connect();
    expect((await client.call('eth_chainId')).result).toBe('0x539');
    expect((await client.call('eth_chainId')).error).toEqual({ code: -32005, message: 'rate limit exceeded, slow down' });
    client.socket.send(
      JSON.stringify([call('eth_chainId', 'a'), { jsonrpc: '2.0', method: 'eth_chainId' }, call('eth_chainId', 'b')]),
    );
    const answers: RpcAnswer[] = await client.until(() => client.messages[2]);
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      ['a', -32005],
      ['b', -32005],
    ]);
  });

  it('does not hold for programs on this machine unless it is told to', async () => {
    const server = await start({ rateBurst: 1, ratePerSecond: 1 }, { limitLoopback: false });
    for (let count = 0; count < 5; count++) expect((await server.post(CALL)).status).toBe(200);
  });
});

describe('clients behind a reverse proxy', () => {
  const limits = { rateBurst: 1, ratePerSecond: 1 };
  const statusOf = async (server: RpcHarness, header: string, value: string) =>
    (await server.post(CALL, { [header]: value })).status;

  it('have a rate each when the proxy is trusted, however they dress their header up', async () => {
    const server = await start(limits, { trustedProxies: ['127.0.0.1'] });
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.7')).toBe(200);
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.8')).toBe(200);
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.7')).toBe(429);
    expect(await statusOf(server, 'x-forwarded-for', '8.8.8.8, 203.0.113.7')).toBe(429);
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.99, ::ffff:203.0.113.7')).toBe(429);
  });

  it('are one to a node that trusts nobody', async () => {
    const server = await start(limits);
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.7')).toBe(200);
    expect(await statusOf(server, 'x-forwarded-for', '203.0.113.8')).toBe(429);
  });

  it('may be named in another header', async () => {
    const server = await start(limits, { trustedProxies: ['127.0.0.0/8'], clientAddressHeader: 'CF-Connecting-IP' });
    expect(await statusOf(server, 'cf-connecting-ip', '203.0.113.7')).toBe(200);
    expect(await statusOf(server, 'cf-connecting-ip', '203.0.113.8')).toBe(200);
    expect(await statusOf(server, 'cf-connecting-ip', '203.0.113.8')).toBe(429);
  });

  it('have WebSockets of their own count', async () => {
    const server = await start({ maxWebSocketsPerClient: 1 }, { trustedProxies: ['127.0.0.1'] });
    const first = await server.connect({ 'x-forwarded-for': '2001:db8::1' });
    await expect(server.connect({ 'x-forwarded-for': '2001:db8::2:0:0:9' })).rejects.toThrow('429');
    await server.connect({ 'x-forwarded-for': '2001:db8:0:1::1' });
    first.socket.terminate();
    await vi.waitFor(() => server.connect({ 'x-forwarded-for': '2001:db8::3' }), SOON);
  });
});

describe('connections of one client', () => {
  it('are bounded, and free again when they end', async () => {
    const server = await start({ maxConnectionsPerClient: 2 });
    const open = () => new RawConnection(server.address.port);
    const [first, second] = [open(), open()];
    const post = (connection: RawConnection): Promise<string> => connection.post(CALL).until(/HTTP\/1.1 \d+[\s\S]*\r\n\r\n/);
    expect(await post(first)).toMatch('0x539');
    expect(await post(second)).toMatch('0x539');
    const third = open();
    await third.until(/429 Too Many Requests/);
    await third.closed;
    expect(await server.metric('rpc_refused_total{reason="client"}')).toBe(1);
    first.socket.destroy();
    await vi.waitFor(async () => expect(await post(open())).toMatch('0x539'), SOON);
  });
});

describe('the table of clients', () => {
  const limits = rpcLimitsSchema.parse({ maxClients: 1_024, rateBurst: 5 });
  const table = () => new ClientTable({ limits, limitLoopback: false });

  it('forgets the quietest, and nobody who has something open', () => {
    const clients = table();
    const first = clients.of('192.0.2.1');
    const second = clients.of('192.0.2.2');
    first.addConnection();
    second.spend(100);
    for (let count = 0; count < 1_500; count++) clients.of(`10.0.${count >> 8}.${count & 255}`);
    expect(clients.size).toBe(1_024);
    expect(clients.of('192.0.2.1')).toBe(first);
    expect(clients.of('192.0.2.2')).not.toBe(second);
  });

  it('has one entry for a /64, and none for this machine', () => {
    const clients = table();
    expect(clients.of('2001:db8:1:2:3::4')).toBe(clients.of('2001:db8:1:2::'));
    expect(clients.of('2001:db8:1:2::')).not.toBe(clients.of('2001:db8:1:3::'));
    expect(clients.of('127.0.0.1')).toBe(clients.of('::1'));
    expect(clients.size).toBe(2);
  });
});

describe('the choice of methods', () => {
  const codeOf = async (server: RpcHarness, method: string) => (await server.call(method)).error?.code;

  it('is by namespace and by name, as geth’s --http.api', async () => {
    const server = await start({}, { api: ['net', 'eth_chainId', 'eth_blockNumber'], deniedMethods: ['eth_blockNumber'] });
    expect(await codeOf(server, 'eth_chainId')).toBeUndefined();
    expect(await codeOf(server, 'net_version')).toBeUndefined();
    expect(await codeOf(server, 'eth_blockNumber')).toBe(-32601);
    expect(await codeOf(server, 'web3_clientVersion')).toBe(-32601);
  });

  it('may leave a namespace out', async () => {
    const server = await start({}, { deniedMethods: ['strobe'] });
    expect(await codeOf(server, 'strobe_nodeInfo')).toBe(-32601);
    expect(await codeOf(server, 'eth_chainId')).toBeUndefined();
  });

  it.each([
    ['api', 'eht'],
    ['deniedMethods', 'eth_chainid'],
    ['api', 'eth_'],
  ])('refuses %s: %s', (option, name) => {
    expect(() => new RpcHarness({ [option]: [name] })).toThrow(`there is no JSON-RPC namespace or method ${name}`);
  });
});
