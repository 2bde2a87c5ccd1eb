import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { toHex } from '../util/bytes.ts';
import type { BytePool } from './byte-pool.ts';
import type { Client } from './client-table.ts';
import { HeldRequest } from './held-request.ts';
import type { JsonRpcHandler } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import type { CallerSubscriptions, RpcCaller, StartSubscription } from './rpc-caller.ts';
import { rpcError } from './rpc-error.ts';
import type { RpcMetrics } from './rpc-metrics.ts';

/** RFC 6455's registry: try again later. */
const CLOSE_TRY_AGAIN = 1013;
const SLOW_READER = 'slow reader: too much unsent data';
/** Time that a slow reader has to take the close frame, ms; then its queue is freed by force. */
const CLOSE_GRACE_MS = 1_000;
/** A client's control frame without its payload: two bytes and the mask (RFC 6455). */
const CONTROL_FRAME_HEADER_BYTES = 6;
/** Share of its queue from which a reader answers for the sum of all queues, which is computed only then. */
const LAGGING_FRACTION = 1 / 16;

export interface WsConnectionModules {
  readonly socket: WebSocket;
  /** What the WebSocket reads from. */
  readonly stream: Duplex;
  readonly client: Client;
  readonly handler: JsonRpcHandler;
  /** Bounds what all requests together hold. */
  readonly requests: BytePool;
  readonly metrics: RpcMetrics;
  /** Unsent bytes of all connections. */
  readonly totalQueuedBytes: () => number;
}

/** A subscription of this connection; `stop` is there once its events flow. */
interface OpenSubscription {
  stop: (() => void) | undefined;
}

/** One WebSocket: its requests, its subscriptions, and the bound on what waits to be sent. */
export class WsConnection {
  readonly #limits: RpcLimits;
  readonly #modules: WsConnectionModules;
  readonly #subscriptions = new Map<string, OpenSubscription>();
  /** Those who wait until everything is sent. */
  #flushWaiters: (() => void)[] = [];
  #inFlight = 0;
  /** The message that is being received. */
  readonly #receiving: HeldRequest;
  #isClosed = false;

  constructor(limits: RpcLimits, modules: WsConnectionModules) {
    this.#limits = limits;
    this.#modules = modules;
    const { socket, stream, requests, client } = modules;
    this.#receiving = new HeldRequest(requests, client.requests);
    stream.prependListener('data', (chunk: Buffer) => this.#onReceived(chunk.length));
    // A text and a binary frame are the same here, as with geth; what is no UTF-8 becomes no JSON.
    socket.on('message', (data, isBinary) => void this.#onMessage(isBinary ? decodeBinary(data as Buffer) : String(data)));
    // Or else who only listens, and answers our pings for weeks, would hold more and more.
    for (const control of ['ping', 'pong'] as const) {
      socket.on(control, (data: Buffer) => this.#receiving.remove(CONTROL_FRAME_HEADER_BYTES + data.length));
    }
    socket.on('close', () => this.#onClose());
    // Every error is followed by 'close'; without a listener it would end the process.
    socket.on('error', () => {});
  }

  get client(): Client {
    return this.#modules.client;
  }

  get queuedBytes(): number {
    return this.#modules.socket.bufferedAmount;
  }

  /** Closes with a reason, by force when the peer does not answer in time. */
  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#onClose();
    const { socket } = this.#modules;
    socket.close(code, reason);
    const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
    socket.on('close', () => clearTimeout(timer));
  }

  /**
   * Parts of a message that does not end count against what all clients may hold. Called before the WebSocket looks at
   * them, so a message that ends with them gives their room back at once.
   */
  #onReceived(bytes: number): void {
    if (this.#isClosed || this.#receiving.add(bytes)) return;
    this.#modules.metrics.recordRefused('busy');
    this.close(CLOSE_TRY_AGAIN, 'too many requests are under way');
  }

  async #onMessage(text: string): Promise<void> {
    const { socket, handler, metrics, client, requests } = this.#modules;
    this.#receiving.release();
    if (this.#isClosed) return;
    const held = new HeldRequest(requests, client.requests);
    // There was room for it a moment ago.
    held.add(text.length);
    const startMs = performance.now();
    const caller = new MessageCaller(this);
    // A client that asks faster than it is answered waits in its own socket, not in our memory.
    if (++this.#inFlight >= this.#limits.maxInFlightPerConnection) socket.pause();
    const answer = await handler.handle(text, caller);
    if (this.#inFlight-- === this.#limits.maxInFlightPerConnection) socket.resume();
    held.release();
    if (answer.text !== undefined) this.#send(answer.text);
    answer.release();
    caller.startSubscriptions();
    metrics.recordMessage('ws', (performance.now() - startMs) / 1_000);
  }

  /** Queues a message unless the reader is so far behind that it is dropped. */
  #send(text: string): void {
    if (this.#isClosed) return;
    const { socket, metrics, totalQueuedBytes } = this.#modules;
    const queued = socket.bufferedAmount;
    const { maxSubscriberQueueBytes, maxTotalQueueBytes } = this.#limits;
    // A long answer may be longer than a queue: it is sent to who has read what came before.
    const isLagging = queued + text.length > maxSubscriberQueueBytes * LAGGING_FRACTION;
    if (queued > maxSubscriberQueueBytes || (isLagging && totalQueuedBytes() + text.length > maxTotalQueueBytes)) {
      metrics.recordSlowReaderDropped();
      this.close(CLOSE_TRY_AGAIN, SLOW_READER);
      return;
    }
    socket.send(text, this.#onSent);
  }

  /** Resolves when nothing waits to be sent any more, or the connection is closed. */
  flushed(): Promise<void> {
    if (this.#isClosed || this.queuedBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushWaiters.push(resolve));
  }

  readonly #onSent = (): void => {
    if (this.#flushWaiters.length > 0 && this.queuedBytes === 0) this.#endFlushWaits();
  };

  #endFlushWaits(): void {
    const waiters = this.#flushWaiters;
    this.#flushWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** @throws StrobeError LIMIT_EXCEEDED */
  reserve(): string {
    if (this.#subscriptions.size >= this.#limits.maxSubscriptionsPerConnection) {
      throw rpcError('LIMIT_EXCEEDED', 'too many subscriptions on this connection');
    }
    const id = toHex(randomBytes(16));
    this.#subscriptions.set(id, { stop: undefined });
    return id;
  }

  /** Lets the events of a reserved subscription flow, unless it was closed meanwhile. */
  start(id: string, start: StartSubscription): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    const prefix = `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":`;
    const stop = start({
      push: (resultJson, cursorJson) => {
        const cursor = cursorJson === undefined ? '' : `,"cursor":${cursorJson}`;
        this.#send(`${prefix}${resultJson}${cursor}}}`);
      },
      queuedBytes: () => this.queuedBytes,
      flushed: () => this.flushed(),
      drop: (reason) => this.close(CLOSE_TRY_AGAIN, reason),
    });
    // The first push may have been one too many for this reader.
    if (this.#isClosed) stop();
    else subscription.stop = stop;
  }

  unsubscribe(id: string): boolean {
    this.#subscriptions.get(id)?.stop?.();
    return this.#subscriptions.delete(id);
  }

  #onClose(): void {
    this.#receiving.release();
    this.#isClosed = true;
    for (const { stop } of this.#subscriptions.values()) stop?.();
    this.#subscriptions.clear();
    this.#endFlushWaits();
  }
}

/** The caller of one message: what it subscribes to starts after its answer. */
class MessageCaller implements RpcCaller, CallerSubscriptions {
  readonly #connection: WsConnection;
  readonly #starts: (() => void)[] = [];

  constructor(connection: WsConnection) {
    this.#connection = connection;
  }

  get client(): Client {
    return this.#connection.client;
  }

  get subscriptions(): CallerSubscriptions {
    return this;
  }

  open(start: StartSubscription): string {
    const id = this.#connection.reserve();
    this.#starts.push(() => this.#connection.start(id, start));
    return id;
  }

  close(id: string): boolean {
    return this.#connection.unsubscribe(id);
  }

  startSubscriptions(): void {
    for (const start of this.#starts) start();
  }
}

/** Text of a binary frame; of other bytes than UTF-8 a text that no JSON begins with. */
function decodeBinary(data: Buffer): string {
  return isUtf8(data) ? data.toString('utf8') : '\ufffd';
}
