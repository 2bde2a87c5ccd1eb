import { afterEach, describe, expect, it, vi } from 'vitest';
import { RawConnection } from '../../support/raw-http.ts';
import { RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness | undefined;
afterEach(async () => rpc?.stop());

const start = async (limits: object = {}): Promise<RpcHarness> => {
  rpc = new RpcHarness({ limits });
  return rpc.start();
};

/** However busy the machine is. */
const SOON = { interval: 5, timeout: 15_000 };
const CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';

describe('HTTP', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/json-rpc',
    'application/jsonrequest',
  ])('takes content type %s', async (type) => {
    const response = await (await start()).post(CALL, { 'content-type': type });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  });

  it.each(['text/json', 'text/plain;charset=UTF-8', 'multipart/form-data', 'application/jsonp', 'json'])(
    'refuses content type %s',
    async (type) => {
      expect((await (await start()).post(CALL, { 'content-type': type })).status).toBe(415);
    },
  );

  it('refuses a packed body, and packs no answer', async () => {
    const server = await start();
    expect((await server.post(CALL, { 'content-encoding': 'gzip' })).status).toBe(415);
    const response = await server.post(CALL, { 'accept-encoding': 'gzip, br' });
    expect(response.headers.get('content-encoding')).toBe(null);
  });

  it('answers an empty body with a parse error', async () => {
    const connection = new RawConnection((await start()).address.port);
    await connection.write('POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n').until(/-32700/);
    connection.socket.destroy();
  });

  it.each([
    ['GET', '/', 200],
    ['HEAD', '/', 200],
    ['PUT', '/', 405],
    ['DELETE', '/', 405],
    ['PATCH', '/', 405],
    ['POST', '/rpc', 404],
    ['GET', '/?method=eth_chainId', 200],
  ])('answers %s %s with %i and runs nothing', async (method, path, status) => {
    const server = await start();
    const body = method === 'GET' || method === 'HEAD' ? null : CALL;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server.httpUrl}${path}`, { method, headers, body });
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('0x539');
    expect(await server.metric('rpc_calls_total{method="eth_chainId",outcome="ok"}')).toBeUndefined();
  });

  it('answers pipelined requests in their order on one connection', async () => {
    const connection = new RawConnection((await start()).address.port);
    const slow = '{"jsonrpc":"2.0","id":"slow","method":"eth_feeHistory","params":["0x1","latest",[]]}';
    connection.post(slow).post(CALL).post(slow.replace('slow', 'last'));
    const text = await connection.until(/"last"[\s\S]*\}/);
    expect([...text.matchAll(/"id":("\w+"|\d)/g)].map((match) => match[1])).toEqual(['"slow"', '1', '"last"']);
    connection.socket.destroy();
  });

  it('bounds pipelined requests that wait', async () => {
    const server = await start({ maxPipelinedRequests: 2, syncTimeoutMs: 100 });
    const connection = new RawConnection(server.address.port);
    for (const nonce of [0, 1, 2]) {
      const params = [await signTransfer({ nonce })];
      connection.post(JSON.stringify({ jsonrpc: '2.0', id: nonce, method: 'eth_sendRawTransactionSync', params }));
    }
    const text = await connection.until(/429[\s\S]*slow down/);
    expect([...text.matchAll(/"code":(-?\d+)/g)].map((match) => match[1])).toEqual(['4', '4', '-32005']);
    expect(server.chain.submitted).toHaveLength(2);
    connection.socket.destroy();
  });

  it('takes a body in chunks', async () => {
    const connection = new RawConnection((await start()).address.port);
    connection.write(
      'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    for (const part of [CALL.slice(0, 10), CALL.slice(10)]) connection.write(`${part.length.toString(16)}\r\n${part}\r\n`);
    await connection.write('0\r\n\r\n').until(/0x539/);
    connection.socket.destroy();
  });

  it('refuses a body in chunks above the limit without its end', async () => {
    const connection = new RawConnection((await start({ maxBodyBytes: 2_000 })).address.port);
    connection.write(
      'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    await connection.write(`fff\r\n${'x'.repeat(0xfff)}\r\n`).until(/413/);
    await connection.closed;
  });

  it('refuses headers that are too long', async () => {
    const connection = new RawConnection((await start({ maxHeaderBytes: 2_048 })).address.port);
    expect(await connection.post(CALL, [`x-long: ${'x'.repeat(4_096)}`]).until(/HTTP/)).toMatch('431');
  });

  it('answers a client that asks for HTTP/2 as if it had not', async () => {
    const connection = new RawConnection((await start()).address.port);
    await connection
      .post(CALL, ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQ'])
      .until(/0x539/);
    connection.socket.destroy();
  });

  it('drops who does not finish its headers, or its body', async () => {
    const server = await start({ headersTimeoutMs: 300, requestTimeoutMs: 600 });
    const [headers, body] = [new RawConnection(server.address.port), new RawConnection(server.address.port)];
    headers.write('POST / HTTP/1.1\r\nhost: 127.0');
    body.write('POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    await Promise.all([headers.closed, body.closed]);
    expect([headers.text, body.text]).toEqual([expect.stringMatching('408'), expect.stringMatching('408')]);
  });

  it('says nothing of itself when bytes are no HTTP', async () => {
    const connection = new RawConnection((await start()).address.port);
    const text = await connection.write('\x16\x03\x01\x02\x00 TLS hello \r\n\r\n').until(/HTTP/);
    expect(text).toMatch('400');
    expect(text.split('\r\n\r\n')[1]).not.toMatch(/node|fastify|at |\//i);
  });
});

describe('memory that requests hold', () => {
  it('is bounded over all bodies, and free again when their senders go', async () => {
    const server = await start({ maxHeldRequestBytes: 100_000 });
    const open = 'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 90000\r\n\r\n';
    const slow = new RawConnection(server.address.port).write(`${open}${'x'.repeat(80_000)}`);
    await vi.waitFor(async () => expect((await server.post(`${CALL}${' '.repeat(50_000)}`)).status).toBe(503), SOON);
    const refused = await server.post(`${CALL}${' '.repeat(50_000)}`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    // A short one has room in any case.
    expect((await server.post(`${CALL}${' '.repeat(4_000)}`)).status).toBe(200);
    slow.socket.destroy();
    await vi.waitFor(async () => expect((await server.post(`${CALL}${' '.repeat(50_000)}`)).status).toBe(200), SOON);
  });

  it('is bounded over the answers that wait to be read', async () => {
    const server = await start({ maxHeldAnswerBytes: 300_000, answerTimeoutMs: 1_000 });
    const long = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ data: `0x${'00'.repeat(100_000)}` }] });
    expect((await server.answer(long)).result).toHaveLength(200_002);
    const both = (await server.answer(`[${long},${long}]`)) as unknown as { error?: { code: number; message: string } }[];
    expect(both.map(({ error }) => error?.code)).toEqual([undefined, -32005]);
    expect(both[1]?.error?.message).toMatch('busy');
    expect((await server.answer(long)).result).toHaveLength(200_002);
  });

  it('is bounded over long ids, which come back with the answer', async () => {
    const server = await start({ maxHeldAnswerBytes: 300_000 });
    const call = (length: number): string => JSON.stringify({ jsonrpc: '2.0', id: 'x'.repeat(length), method: 'eth_nothing' });
    expect((await server.answer(call(200_000))).error?.code).toBe(-32601);
    expect(await server.answer(call(400_000))).toMatchObject({ id: null, error: { code: -32005 } });
  });

  it('is taken from who does not read', async () => {
    const server = await start({
      maxBodyBytes: 30_000_000,
      maxHeldAnswerBytes: 24_000_000,
      answerTimeoutMs: 2_500,
      minAnswerBytesPerSecond: 1_000_000_000,
    });
    const call = { jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ data: `0x${'00'.repeat(1_000_000)}` }] };
    const batch = (count: number): string => JSON.stringify(Array(count).fill(call));
    const connection = new RawConnection(server.address.port);
    connection.socket.pause();
    // More than sockets of both sides take in.
    connection.post(batch(8));
    const codes = async (): Promise<unknown[]> => {
      const answers = (await server.answer(batch(5))) as unknown as { error?: { code: number } }[];
      return answers.map(({ error }) => error?.code).filter((code) => code !== undefined);
    };
    await vi.waitUntil(async () => (await server.metric('rpc_message_seconds_count{transport="http"}')) === 1, SOON);
    expect(new Set(await codes())).toEqual(new Set([-32005]));
    await vi.waitUntil(async () => (await codes()).length === 0, SOON);
    connection.socket.destroy();
  });
});

describe('WebSocket frames', () => {
  it('may be binary', async () => {
    const client = await (await start()).connect();
    client.socket.send(Buffer.from(CALL), { binary: true });
    expect((await client.until(() => client.messages[0])).result).toBe('0x539');
  });

  it('are refused with a parse error when binary ones are no UTF-8', async () => {
    const client = await (await start()).connect();
    client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: true });
    expect((await client.until(() => client.messages[0])).error.code).toBe(-32700);
  });

  it('may come in fragments, but not in more than the limit', async () => {
    const server = await start({ maxMessageFragments: 3 });
    const client = await server.connect();
    const send = (parts: string[]): void => {
      for (const [at, part] of parts.entries()) client.socket.send(part, { fin: at === parts.length - 1 });
    };
    send([CALL.slice(0, 5), CALL.slice(5, 9), CALL.slice(9)]);
    expect((await client.until(() => client.messages[0])).result).toBe('0x539');
    send([...CALL]);
    expect((await client.closed).code).toBe(1008);
  });

  it('a WebSocket that answers pings for weeks holds nothing by it', async () => {
    const server = await start({ maxHeldRequestBytes: 100_000 });
    const client = await server.connect();
    for (let i = 0; i < 2_000; i++) client.socket.pong(Buffer.alloc(100));
    expect((await client.call('eth_chainId')).result).toBe('0x539');
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('that do not end are bounded over all connections', async () => {
    const server = await start({ maxHeldRequestBytes: 100_000 });
    const [first, second] = [await server.connect(), await server.connect()];
    first.socket.send('x'.repeat(80_000), { fin: false });
    await vi.waitFor(async () => expect((await server.post(`${CALL}${' '.repeat(50_000)}`)).status).toBe(503), SOON);
    second.socket.send('x'.repeat(80_000), { fin: false });
    expect(await second.closed).toEqual({ code: 1013, reason: 'too many requests are under way' });
    first.socket.terminate();
    await vi.waitFor(async () => expect((await server.post(`${CALL}${' '.repeat(50_000)}`)).status).toBe(200), SOON);
  });
});
