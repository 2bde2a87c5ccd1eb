import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { serveAdmin } from '../../../src/node/admin-parts.ts';
import { Lifecycle } from '../../../src/node/lifecycle.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { freePorts } from '../../support/free-ports.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

async function serve(tokenFile: string, adminPort: number | undefined) {
  const destination = new PassThrough();
  const logger = createLogger({ level: 'info', format: 'json', destination });
  const life = new Lifecycle(logger);
  onTestFinished(() => life.stop());
  const network = {
    addresses: () => ['/ip4/127.0.0.1/tcp/1/p2p/me'],
    standings: async () => [],
    connections: async () => [],
    addPeer: async () => true,
    removePeer: async () => true,
  };
  const node = { role: 'replica', version: '1.2.3', describe: async () => ({ state: 'live' }) } as never;
  await serveAdmin(
    { dataDir: 'data', adminHost: '127.0.0.1', adminPort, adminTokenFile: tokenFile },
    { network, node, logger, life },
  );
  return { logger, log: () => String(destination.read() ?? '') };
}

const ask = async (port: number, token: string, method: string, ...params: unknown[]) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return (await (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers, body })).json()) as { result: unknown };
};

test('the admin methods are off unless a port is given, and no token is made', async () => {
  const file = join(tempDirectory(), 'admin.token');
  await serve(file, undefined);
  expect(() => statSync(file)).toThrow('ENOENT');
});

test('a token is made for the owner only, is not logged, and stays', async () => {
  const file = join(tempDirectory(), 'admin.token');
  const port = await freePorts(2);
  const { logger, log } = await serve(file, port);
  const token = readFileSync(file, 'utf8').trim();
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await ask(port, token, 'admin_nodeInfo')).result).toMatchObject({
    ...{ id: 'me', name: 'strobe/1.2.3', role: 'replica', dataDir: 'data', logLevel: 'info', status: { state: 'live' } },
  });
  expect((await ask(port, token, 'admin_setLogLevel', 'debug')).result).toBe('info');
  expect(logger.level).toBe('debug');
  expect(log()).not.toContain(token);
  await serve(file, port + 1);
  expect(readFileSync(file, 'utf8').trim()).toBe(token);
});

test.each(['short', `${'x'.repeat(40)} ${'y'.repeat(40)}`, ''])('the token %j is refused', async (token) => {
  const file = join(tempDirectory(), 'admin.token');
  writeFileSync(file, token);
  await expect(serve(file, 0)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});

test('a token file that is a folder is refused', async () => {
  await expect(serve(tempDirectory(), 0)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});
