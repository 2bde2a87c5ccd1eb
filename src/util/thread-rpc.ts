import type { Bytes } from './bytes.ts';
import { type ErrorMeta, invariant, StrobeError, toStrobeError } from './errors.ts';
import type { Channel } from './thread-channel.ts';
import { ThreadStreamReader, ThreadStreamWriter } from './thread-stream.ts';

type AnyFunction = (...args: never[]) => unknown;
type StreamNames<Api> = {
  [K in keyof Api]: Api[K] extends (...args: never[]) => AsyncIterable<Bytes> ? K : never;
}[keyof Api];
type CallNames<Api> = Exclude<{ [K in keyof Api]: Api[K] extends AnyFunction ? K : never }[keyof Api], StreamNames<Api>>;
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly meta?: ErrorMeta;
}

type Message =
  | { readonly kind: 'call' | 'open'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorJson }
  | { readonly kind: 'item'; readonly id: number; readonly item: Bytes }
  | { readonly kind: 'end' | 'cancel'; readonly id: number }
  | { readonly kind: 'credit'; readonly id: number; readonly bytes: number };

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StrobeError) => void;
}

/**
 * Calls and byte streams over a {@link Channel}, in both directions: `Local` is served here, `Remote` at the other end.
 * Errors keep their codes. Streams carry backpressure. Both ends belong to this program, so messages are trusted.
 */
export class ThreadRpc<Local extends object, Remote extends object> {
  readonly #channel: Channel;
  readonly #local: Local;
  readonly #calls = new Map<number, PendingCall>();
  readonly #readers = new Map<number, ThreadStreamReader>();
  readonly #writers = new Map<number, ThreadStreamWriter>();
  #nextId = 0;
  #closed: StrobeError | undefined;

  constructor(channel: Channel, local: Local) {
    this.#channel = channel;
    this.#local = local;
    channel.onMessage((message) => this.#handle(message as Message));
  }

  /** @throws StrobeError what the method threw, INTERNAL_ERROR for a foreign error, or what `close` was given */
  call<K extends CallNames<Remote> & string>(method: K, ...args: Arguments<Remote[K]>): Promise<Result<Remote[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      const id = this.#nextId++;
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#channel.post({ kind: 'call', id, method, args });
    });
  }

  /** Items of a remote stream; leaving the loop early stops the producer. */
  async *stream<K extends StreamNames<Remote> & string>(method: K, ...args: Arguments<Remote[K]>): AsyncIterable<Bytes> {
    if (this.#closed !== undefined) throw this.#closed;
    const id = this.#nextId++;
    const reader = new ThreadStreamReader((bytes) => this.#channel.post({ kind: 'credit', id, bytes }));
    this.#readers.set(id, reader);
    this.#channel.post({ kind: 'open', id, method, args });
    try {
      yield* reader;
    } finally {
      this.#readers.delete(id);
      if (!reader.ended && this.#closed === undefined) this.#channel.post({ kind: 'cancel', id });
    }
  }

  /** Fails everything under way and every later call. Idempotent; the first reason stays. */
  close(reason: StrobeError): void {
    this.#closed ??= reason;
    for (const call of this.#calls.values()) call.reject(reason);
    for (const reader of this.#readers.values()) reader.fail(reason);
    for (const writer of this.#writers.values()) writer.cancel();
    this.#calls.clear();
  }

  #handle(message: Message): void {
    switch (message.kind) {
      case 'call':
        void this.#serveCall(message.id, message.method, message.args);
        break;
      case 'open':
        void this.#serveStream(message.id, message.method, message.args);
        break;
      case 'result':
        this.#calls.get(message.id)?.resolve(message.value);
        this.#calls.delete(message.id);
        break;
      case 'error':
        this.#fail(message.id, StrobeError.from(message.error));
        break;
      case 'item':
        this.#readers.get(message.id)?.push(message.item);
        break;
      case 'end':
        this.#readers.get(message.id)?.end();
        break;
      case 'cancel':
        this.#writers.get(message.id)?.cancel();
        break;
      case 'credit':
        this.#writers.get(message.id)?.credit(message.bytes);
        break;
    }
  }

  #fail(id: number, error: StrobeError): void {
    this.#calls.get(id)?.reject(error);
    this.#calls.delete(id);
    this.#readers.get(id)?.fail(error);
  }

  /** Never rejects: the outcome goes to the caller. */
  async #serveCall(id: number, method: string, args: readonly unknown[]): Promise<void> {
    try {
      // A synchronous method answers before the next message is handled: that keeps gossip in order.
      const result = this.#invoke(method, args);
      const value = result instanceof Promise ? await result : result;
      this.#post({ kind: 'result', id, value });
    } catch (error) {
      this.#post({ kind: 'error', id, error: toStrobeError(error).toJSON() });
    }
  }

  /** Never rejects. */
  async #serveStream(id: number, method: string, args: readonly unknown[]): Promise<void> {
    const writer = new ThreadStreamWriter((item) => this.#post({ kind: 'item', id, item }));
    this.#writers.set(id, writer);
    try {
      await writer.pump(this.#invoke(method, args) as AsyncIterable<Bytes>);
      this.#post({ kind: 'end', id });
    } catch (error) {
      this.#post({ kind: 'error', id, error: toStrobeError(error).toJSON() });
    } finally {
      this.#writers.delete(id);
    }
  }

  #invoke(method: string, args: readonly unknown[]): unknown {
    const implementation = this.#local[method as keyof Local];
    invariant(typeof implementation === 'function', `the other thread called ${method}, which does not exist`);
    return implementation.apply(this.#local, args);
  }

  #post(message: Message): void {
    if (this.#closed === undefined) this.#channel.post(message);
  }
}
