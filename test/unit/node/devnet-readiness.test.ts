import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { waitUntilReady } from '../../../src/node/devnet-readiness.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function serve(statuses: number[]): Promise<number> {
  server = createServer((_request, response) =>
    response.writeHead(statuses.length > 1 ? (statuses.shift() ?? 200) : (statuses[0] ?? 200)).end('{"reason":"syncing"}'),
  );
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
}

const never = new AbortController().signal;

test('waits through 503 until 200', async () => {
  const metricsPort = await serve([503, 503, 200]);
  await expect(waitUntilReady({ name: 'replica-1', metricsPort }, never)).resolves.toBeUndefined();
});

test('gives up with the last reason', async () => {
  const metricsPort = await serve([503]);
  await expect(waitUntilReady({ name: 'replica-1', metricsPort }, never, 1)).rejects.toMatchObject({
    code: 'DEVNET_NOT_READY',
    message: expect.stringContaining('syncing'),
  });
});

test('ends with the reason of its signal', async () => {
  const metricsPort = await serve([503]);
  const death = new AbortController();
  const waiting = waitUntilReady({ name: 'replica-1', metricsPort }, death.signal);
  death.abort(new TypeError('the sequencer died'));
  await expect(waiting).rejects.toThrow('the sequencer died');
});
