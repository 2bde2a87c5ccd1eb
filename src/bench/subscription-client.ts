import WebSocket from 'ws';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { type RpcFailure, rpcError } from './rpc-client.ts';

/** Long enough for any node on a loaded machine; a dead one must not hang the run. */
const CONNECT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 30_000;
/** A mini-block with the receipts of 10,000 transactions is about 10 MiB. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

export type SubscriptionHandlers = {
  /** `atMs` is when the message arrived, before it was parsed. */
  onNotification(result: unknown, atMs: number): void;
  /** The connection ended without {@link SubscriptionClient.close}. */
  onLost(error: StrobeError): void;
};

type Message = {
  id?: unknown;
  result?: unknown;
  error?: RpcFailure;
  method?: string;
  params?: { subscription?: unknown; result?: unknown };
};

/** JSON-RPC with subscriptions over one WebSocket. */
export class SubscriptionClient {
  readonly #url: string;
  readonly #handlers: SubscriptionHandlers;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #socket: WebSocket | undefined;
  #nextId = 1;
  #isClosing = false;

  constructor(url: string, handlers: SubscriptionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  /** @throws StrobeError BENCH_WEBSOCKET_UNAVAILABLE */
  async connect(): Promise<void> {
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    this.#socket = socket;
    const opened = Promise.withResolvers<void>();
    socket.on('open', () => opened.resolve());
    socket.on('error', (cause) => opened.reject(this.#unavailable(cause)));
    socket.on('message', (data) => this.#onMessage(data.toString()));
    await opened.promise;
    socket.on('close', (code) => this.#onClose(code));
  }

  /** @throws StrobeError BENCH_RPC_ERROR, BENCH_RPC_TIMEOUT, BENCH_SUBSCRIPTION_LOST */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    const timer = setTimeout(() => {
      answer.reject(new StrobeError('BENCH_RPC_TIMEOUT', `${method}: no answer in 30 s`));
    }, CALL_TIMEOUT_MS);
    try {
      this.#socket?.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      const message = (await answer.promise) as Message;
      if (message.error) throw rpcError(method, message.error);
      return message.result;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.close();
    this.#socket?.terminate();
  }

  #onMessage(text: string): void {
    const atMs = performance.now();
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      this.#fail(new StrobeError('BENCH_RPC_BAD_ANSWER', 'the node sent a WebSocket message that is not JSON'));
      return;
    }
    if (message.method === 'eth_subscription') this.#handlers.onNotification(message.params?.result, atMs);
    else if (typeof message.id === 'number') this.#waiting.get(message.id)?.resolve(message);
  }

  #onClose(code: number): void {
    this.#fail(new StrobeError('BENCH_SUBSCRIPTION_LOST', `the node closed the WebSocket (${code})`, { url: this.#url }));
  }

  #fail(error: StrobeError): void {
    for (const answer of this.#waiting.values()) answer.reject(error);
    if (this.#isClosing) return;
    this.close();
    this.#handlers.onLost(error);
  }

  #unavailable(cause: unknown): StrobeError {
    const message = `cannot open a WebSocket to ${new URL(this.#url).origin}: ${errorMessage(cause)}`;
    return new StrobeError('BENCH_WEBSOCKET_UNAVAILABLE', message, {}, { cause });
  }
}
