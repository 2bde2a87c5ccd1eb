import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { TcpRelay, type TcpRelayOptions } from './tcp-relay.ts';

/** What a test asks of the agent in a namespace; each gets one {@link AgentAnswer} with its id. */
export type AgentRequest =
  /** Lets whoever connects to the socket file reach a port of the namespace's loopback: files know no namespaces. */
  | { readonly id: number; readonly kind: 'window'; readonly socketPath: string; readonly port: number }
  | { readonly id: number; readonly kind: 'relay'; readonly options: TcpRelayOptions }
  | { readonly id: number; readonly kind: 'cut'; readonly port: number };

export interface AgentAnswer {
  readonly id: number;
  readonly error?: string;
}

const LOOPBACK = '127.0.0.1';
const relays = new Map<number, TcpRelay>();

function listen(server: Server, where: { readonly path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

/** Joins two sockets until either ends. */
function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

async function serve(request: AgentRequest): Promise<void> {
  switch (request.kind) {
    case 'window':
      return listen(
        createServer((client) => join(client, createConnection({ host: LOOPBACK, port: request.port }))),
        { path: request.socketPath },
      );
    case 'relay': {
      const relay = new TcpRelay(request.options);
      relays.set(request.options.port, relay);
      return relay.start();
    }
    case 'cut':
      relays.get(request.port)?.cut();
  }
}

process.on('message', (request: AgentRequest) => {
  const { id } = request;
  serve(request).then(
    () => process.send?.({ id } satisfies AgentAnswer),
    (error: unknown) => process.send?.({ id, error: String(error) } satisfies AgentAnswer),
  );
});
// The test is gone, and with it the reason to be.
process.on('disconnect', () => process.exit());
