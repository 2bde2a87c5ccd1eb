import { createServer } from 'node:net';
import { StrobeError } from '../../src/util/errors.ts';

/** Below the range that systems give to outgoing connections, and away from every default port of ours. */
const FIRST_PORT = 20_100;
/** Files that run side by side look for ports in ranges of their own, so that none takes what another has just found free. */
const RANGE = 1_700;
const RANGES = 4;
const MAX_TRIES = 200;

/** First of `count` consecutive ports of the loopback interface that are free now. */
export async function freePorts(count: number): Promise<number> {
  const first = FIRST_PORT + RANGE * ((Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % RANGES);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const base = first + Math.floor(Math.random() * (RANGE - count));
    const ports = Array.from({ length: count }, (_, index) => base + index);
    if ((await Promise.all(ports.map(isPortFree))).every(Boolean)) return base;
  }
  throw new StrobeError('NO_FREE_PORTS', `no ${count} free ports in a row`);
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
