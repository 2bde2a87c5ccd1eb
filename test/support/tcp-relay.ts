import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface TcpRelayOptions {
  readonly host: string;
  readonly port: number;
  readonly target: { readonly host: string; readonly port: number };
  /** Time that every byte is under way, in each direction, ms. */
  readonly delayMs?: number;
  /** Rate of each direction of a connection; absent: as fast as it goes. */
  readonly bytesPerSecond?: number;
}

/** Bytes under way in one direction of a connection: behind them the sender is held, as by a full window. */
const MAX_IN_FLIGHT_BYTES = 4 * 1024 * 1024;

/**
 * A TCP connection's slow, long or broken way: delays, throttles and cuts what goes through it, in order and without
 * loss, as TCP shows a bad link to those who talk over it.
 */
export class TcpRelay {
  readonly #options: TcpRelayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: TcpRelayOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#relay(client));
  }

  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, resolve);
    });
  }

  /** Breaks every connection in the middle of whatever is under way; new ones may come. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket): void {
    const server = createConnection(this.#options.target);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('error', () => {});
    }
    void this.#forward(client, server);
    void this.#forward(server, client);
  }

  /** One direction: each chunk leaves when its time has come and the ones before it have left. */
  async #forward(from: Socket, to: Socket): Promise<void> {
    const { delayMs = 0, bytesPerSecond } = this.#options;
    let inFlight = 0;
    let freeAtMs = 0;
    let last = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      inFlight += chunk.length;
      if (inFlight > MAX_IN_FLIGHT_BYTES) from.pause();
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs) + (bytesPerSecond === undefined ? 0 : (chunk.length / bytesPerSecond) * 1_000);
      const dueMs = freeAtMs + delayMs;
      last = last.then(async () => {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await delay(waitMs);
        inFlight -= chunk.length;
        if (inFlight <= MAX_IN_FLIGHT_BYTES) from.resume();
        if (!to.destroyed) to.write(chunk);
      });
    });
    await new Promise((resolve) => from.once('close', resolve));
    this.#sockets.delete(from);
    // What is under way still arrives, and then the end of it.
    await last;
    to.end();
    if (from.errored !== null) to.destroy();
  }
}
