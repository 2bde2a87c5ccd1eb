import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RpcHarness } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness({ allowedHosts: ['node.example'], allowedOrigins: ['https://app.example'] });
beforeAll(() => rpc.start());
afterAll(() => rpc.stop());

const CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';

/** fetch does not let a Host header be set. */
function statusFor(host: string): Promise<number | undefined> {
  const headers = { host, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = http.request(rpc.httpUrl, { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject).end(CALL);
  });
}

describe('who may talk to the node', () => {
  it.each([
    ['localhost:8545', 200],
    ['LOCALHOST', 200],
    ['127.0.0.1', 200],
    ['[::1]:1', 200],
    ['10.1.2.3:8545', 200],
    ['node.example', 200],
    ['rebound.attacker.example', 403],
    ['localhost.attacker.example', 403],
  ])('answers requests for host %j with %i', async (host, status) => {
    expect(await statusFor(host)).toBe(status);
  });

  it.each([
    ['https://app.example', 'https://app.example'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['https://evil.example', null],
    ['null', null],
  ])('gives pages of %s the CORS header %s', async (origin, expected) => {
    const response = await rpc.post(CALL, { origin });
    expect(response.headers.get('access-control-allow-origin')).toBe(expected);
    expect(response.headers.get('vary')).toBe('Origin');
  });

  it('answers preflights', async () => {
    const response = await fetch(rpc.httpUrl, { method: 'OPTIONS', headers: { origin: 'https://app.example' } });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toBe('content-type');
  });

  it('lets pages send the headers that their library adds', async () => {
    const asked = { 'access-control-request-headers': 'content-type,x-client-id', 'access-control-request-method': 'POST' };
    const preflight = async (origin: string) => {
      const { headers } = await fetch(rpc.httpUrl, { method: 'OPTIONS', headers: { origin, ...asked } });
      return headers.get('access-control-allow-headers');
    };
    expect(await preflight('https://app.example')).toBe('content-type,x-client-id');
    expect(await preflight('https://evil.example')).toBeNull();
  });

  it('takes no form that a foreign page could submit', async () => {
    expect((await rpc.post(CALL, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await rpc.post(CALL, { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
  });

  it('opens no WebSocket for foreign pages and hosts', async () => {
    await expect(rpc.connect({ origin: 'https://evil.example' })).rejects.toThrow('403');
    await expect(rpc.connect({ host: 'rebound.attacker.example' })).rejects.toThrow('403');
    await expect(rpc.connect({ origin: 'https://app.example' })).resolves.toBeDefined();
  });
});
