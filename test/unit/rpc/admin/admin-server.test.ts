import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../../../src/observability/logger.ts';
import type { AdminPeer, NodeAdmin } from '../../../../src/protocol/ports/admin.ts';
import { AdminServer } from '../../../../src/rpc/admin/admin-server.ts';
import { METHODS } from '../../../../src/rpc/method-table.ts';
import { StrobeError } from '../../../../src/util/errors.ts';
import type { RpcAnswer } from '../../../support/rpc-harness.ts';

const TOKEN = 'f00d'.repeat(16);
const PEER: AdminPeer = {
  ...{ peer: 'abc', direction: 'inbound', score: 0, offences: 0, failures: 0, bannedForMs: 0 },
  connections: [{ peer: 'abc', address: '/ip4/10.0.0.1/tcp/1', direction: 'inbound', openedAtMs: 1_750_000_000_123 }],
};

let did: string[];
let server: AdminServer;
let url: string;
beforeEach(async () => {
  did = [];
  let level = 'info';
  const admin: NodeAdmin = {
    nodeInfo: async () => ({ id: 'xyz' }),
    peers: async () => [PEER],
    addPeer: async (address) => {
      if (!address.startsWith('/')) throw new StrobeError('INVALID_MULTIADDR', 'not a multiaddr');
      did.push(`add ${address}`);
      return true;
    },
    removePeer: async (peer) => peer === 'abc',
    logLevel: () => level,
    setLogLevel: (name) => {
      if (name !== 'debug') return false;
      level = name;
      return true;
    },
  };
  server = new AdminServer(
    { host: '127.0.0.1', port: 0, token: TOKEN },
    { admin, logger: createLogger({ level: 'silent', format: 'json' }) },
  );
  const { port } = await server.start();
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => server.stop());

const post = (method: string, params: unknown[], authorization?: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
const call = async (method: string, ...params: unknown[]): Promise<RpcAnswer> =>
  (await (await post(method, params, `Bearer ${TOKEN}`)).json()) as RpcAnswer;

describe('the admin server', () => {
  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer x',
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}0`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ])('does nothing for who shows %j', async (authorization) => {
    const response = await post('admin_addPeer', ['/ip4/10.0.0.1/tcp/1'], authorization);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await response.text()).toBe('missing or wrong token');
    expect(did).toEqual([]);
  });

  it('does not even say that it is there', async () => {
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { method: 'OPTIONS' })).status).toBe(401);
  });

  it('serves its methods to who has the token', async () => {
    expect((await call('admin_nodeInfo')).result).toEqual({ id: 'xyz' });
    expect((await call('admin_addPeer', '/ip4/10.0.0.1/tcp/1')).result).toBe(true);
    expect(did).toEqual(['add /ip4/10.0.0.1/tcp/1']);
    expect((await call('admin_removePeer', 'abc')).result).toBe(true);
    expect((await call('admin_removePeer', 'nobody')).result).toBe(false);
    expect((await call('admin_setLogLevel', 'debug')).result).toBe('info');
    expect((await call('admin_setLogLevel', 'debug')).result).toBe('debug');
    expect((await call('admin_peers')).result).toEqual([
      { ...PEER, connections: [{ address: '/ip4/10.0.0.1/tcp/1', direction: 'inbound', openedAt: '0x684ee180' }] },
    ]);
  });

  it('names the parameter that is wrong', async () => {
    for (const [method, param] of [
      ['admin_addPeer', 'enode://x'],
      ['admin_addPeer', 1],
      ['admin_addPeer', 'x'.repeat(600)],
      ['admin_setLogLevel', 'loud'],
      ['admin_removePeer', null],
    ]) {
      expect((await call(String(method), param)).error?.code).toBe(-32602);
    }
  });

  it('serves nothing else, and users get none of its methods', async () => {
    expect((await call('eth_chainId')).error?.code).toBe(-32601);
    expect(METHODS.filter(({ name }) => name.startsWith('admin_'))).toEqual([]);
  });

  it('refuses host names that it does not know', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(url, { method: 'POST', headers: { host: 'rebound.example', authorization: `Bearer ${TOKEN}` } }, (response) =>
        resolve(response.statusCode),
      ).end();
    });
    expect(status).toBe(403);
  });

  it('says where it cannot listen', async () => {
    const port = Number(new URL(url).port);
    const admin = {} as NodeAdmin;
    const second = new AdminServer(
      { host: '127.0.0.1', port, token: TOKEN },
      { admin, logger: createLogger({ level: 'silent', format: 'json' }) },
    );
    await expect(second.start()).rejects.toMatchObject({ code: 'ADMIN_LISTEN_FAILED' });
  });
});
