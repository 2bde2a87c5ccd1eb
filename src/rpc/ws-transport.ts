import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AccessGuard } from './access-guard.ts';
import type { BytePool } from './byte-pool.ts';
import type { ClientAddresses } from './client-address.ts';
import type { Client, ClientTable } from './client-table.ts';
import type { JsonRpcHandler } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import type { RpcMetrics } from './rpc-metrics.ts';
import { WsConnection } from './ws-connection.ts';

/** RFC 6455: the server is going away. */
const CLOSE_GOING_AWAY = 1001;
/** Buffers that an unfinished message may have come in: the longest one in packets of the internet, four times over. */
const MAX_MESSAGE_CHUNKS = 16_384;

export interface WsTransportModules {
  readonly guard: AccessGuard;
  readonly addresses: ClientAddresses;
  readonly clients: ClientTable;
  readonly handler: JsonRpcHandler;
  /** Bounds what all requests together hold. */
  readonly requests: BytePool;
  readonly metrics: RpcMetrics;
}

/** JSON-RPC over WebSockets that come in on the HTTP server's port. */
export class WsTransport {
  readonly #limits: RpcLimits;
  readonly #modules: WsTransportModules;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<WebSocket, WsConnection>();
  /** Those that answered the last ping. */
  readonly #alive = new WeakSet<WebSocket>();
  #pinging: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(limits: RpcLimits, modules: WsTransportModules) {
    this.#limits = limits;
    this.#modules = modules;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.maxBodyBytes,
      maxFragments: limits.maxMessageFragments,
      maxBufferedChunks: MAX_MESSAGE_CHUNKS,
      // Compression costs the event loop more than loopback and data-centre links cost in bytes.
      perMessageDeflate: false,
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  start(): void {
    this.#pinging = setInterval(() => this.#ping(), this.#limits.pingIntervalMs);
    this.#pinging.unref();
  }

  /** Closes every connection; resolves when all are gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#pinging);
    const closed = [...this.#connections].map(([socket, connection]) => {
      const gone = new Promise((resolve) => socket.once('close', resolve));
      connection.close(CLOSE_GOING_AWAY, 'the node is stopping');
      return gone;
    });
    await Promise.all(closed);
  }

  /** The HTTP server's `upgrade` event. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { guard, metrics, addresses, clients } = this.#modules;
    const { host, origin } = request.headers;
    const client = clients.of(addresses.ofRequest(request));
    if (!guard.allowsHost(host)) {
      metrics.recordRefused('host');
      refuse(socket, '403 Forbidden');
    } else if (!guard.allowsOrigin(origin)) {
      metrics.recordRefused('origin');
      refuse(socket, '403 Forbidden');
    } else if (this.#isStopped || this.#connections.size >= this.#limits.maxWebSockets) {
      metrics.recordRefused('limit');
      refuse(socket, '503 Service Unavailable');
    } else if (!client.addWebSocket()) {
      metrics.recordRefused('client');
      refuse(socket, '429 Too Many Requests');
    } else {
      socket.once('close', () => client.removeWebSocket());
      this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, socket, client));
    }
  }

  #open(socket: WebSocket, stream: Duplex, client: Client): void {
    const { handler, metrics, requests } = this.#modules;
    const totalQueuedBytes = (): number => this.#totalQueuedBytes();
    const modules = { socket, stream, client, handler, requests, metrics, totalQueuedBytes };
    this.#connections.set(socket, new WsConnection(this.#limits, modules));
    this.#alive.add(socket);
    socket.on('pong', () => this.#alive.add(socket));
    socket.on('close', () => this.#connections.delete(socket));
  }

  #totalQueuedBytes(): number {
    let total = 0;
    for (const connection of this.#connections.values()) total += connection.queuedBytes;
    return total;
  }

  /** Ends connections whose peer has not answered the previous ping. */
  #ping(): void {
    for (const socket of this.#connections.keys()) {
      if (!this.#alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
