import { afterEach, expect, test } from 'vitest';
import { ObservabilityServer, type Readiness } from '../../../src/observability/http-server.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

const running: ObservabilityServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

const logger = createLogger({ level: 'silent', format: 'json' });

async function serve(options: { readiness?: () => Readiness; port?: number; expose?: () => Promise<never> } = {}) {
  const metrics = createMetrics();
  metrics.gauge({ name: 'head_number', help: 'Head.' }).set(12);
  const server = new ObservabilityServer(
    { host: '127.0.0.1', port: options.port ?? 0 },
    {
      metrics: options.expose === undefined ? metrics : { expose: options.expose },
      logger,
      readiness: options.readiness ?? (() => ({ ready: true })),
    },
  );
  const { port } = await server.start();
  running.push(server);
  return { port, get: (path: string) => fetch(`http://127.0.0.1:${port}${path}`) };
}

test('/metrics serves the Prometheus text format', async () => {
  const { get } = await serve();
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await answer.text()).toContain('strobe_head_number 12');
});

test('/ready follows the readiness function while /health stays up', async () => {
  let state: Readiness = { ready: false, reason: 'catching up' };
  const { get } = await serve({ readiness: () => state });
  const waiting = await get('/ready');
  expect(waiting.status).toBe(503);
  expect(await waiting.json()).toEqual({ ready: false, reason: 'catching up' });
  expect((await get('/health')).status).toBe(200);
  state = { ready: true };
  expect((await get('/ready')).status).toBe(200);
});

test('a failing scrape answers 500 without internals', async () => {
  const { get } = await serve({ expose: () => Promise.reject(new TypeError('secret detail')) });
  const answer = await get('/metrics');
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
});

test('a port in use is an error that names it', async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toMatchObject({
    code: 'METRICS_LISTEN_FAILED',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});
