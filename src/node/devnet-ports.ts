import { createServer } from 'node:net';
import { StrobeError } from '../util/errors.ts';
import { configError } from './config-error.ts';
import type { DevnetProcess } from './devnet-plan.ts';

/** A port that a devnet is about to use. */
export interface PlannedPort {
  port: number;
  host: string;
  /** What for, e.g. "JSON-RPC of replica-1". */
  purpose: string;
  /** The flag that moves it. */
  flag: string;
}

export function plannedPorts(plan: readonly DevnetProcess[], rpcHost: string): PlannedPort[] {
  return plan.flatMap(({ name, rpcPort, metricsPort, p2pPort }) => [
    ...(rpcPort === undefined ? [] : [{ port: rpcPort, host: rpcHost, purpose: `JSON-RPC of ${name}`, flag: '--rpc-port' }]),
    { port: metricsPort, host: '127.0.0.1', purpose: `metrics of ${name}`, flag: '--metrics-port' },
    { port: p2pPort, host: '127.0.0.1', purpose: `peers of ${name}`, flag: '--p2p-port' },
  ]);
}

/**
 * Tries to listen on each port and lets go again.
 * @throws StrobeError INVALID_CONFIG when the plan uses a port twice, PORT_UNAVAILABLE when somebody else has one
 */
export async function assertPortsFree(ports: readonly PlannedPort[]): Promise<void> {
  const seen = new Map<number, PlannedPort>();
  for (const planned of ports) {
    const other = seen.get(planned.port);
    if (other !== undefined) {
      throw configError([
        `port ${planned.port} is planned twice, for ${other.purpose} (${other.flag}) and ${planned.purpose} (${planned.flag}): move one of them`,
      ]);
    }
    seen.set(planned.port, planned);
  }
  for (const planned of ports) await assertPortFree(planned);
}

function assertPortFree({ port, host, purpose, flag }: PlannedPort): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is already in use' : `cannot be used (${cause.code ?? cause.message})`;
      const message = `port ${port} on ${host} (${purpose}) ${why}: stop what uses it, or choose other ports with ${flag}`;
      reject(new StrobeError('PORT_UNAVAILABLE', message, { port, host, flag }, { cause }));
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve()));
  });
}
