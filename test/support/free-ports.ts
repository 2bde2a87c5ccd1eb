import { createServer } from 'node:net';
import { StrobeError } from '../../src/util/errors.ts';

/** Below the range that systems give to outgoing connections, and away from every default port of ours. */
const FIRST_PORT = 20_100;
const LAST_PORT = 26_900;
const MAX_TRIES = 200;

/** First of `count` consecutive ports of the loopback interface that are free now. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const base = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT - count));
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
