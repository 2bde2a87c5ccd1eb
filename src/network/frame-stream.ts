import type { Stream } from '@libp2p/interface';
import type { Bytes } from '../util/bytes.ts';
import type { StrobeError } from '../util/errors.ts';
import { toStrobeError } from '../util/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import { networkError } from './network-errors.ts';
import { MAX_READ_BUFFER_BYTES, STREAM_IDLE_TIMEOUT_MS } from './network-limits.ts';

const LENGTH_BYTES = 4;

export interface FrameStreamOptions {
  /** A longer frame from the peer is a violation. */
  readonly maxFrameBytes: number;
  /** Longest wait for the next frame, ms; undefined: a stream that may be silent. */
  readonly readTimeoutMs?: number | undefined;
  /** Least rate at which the peer sends, over all of the stream; counted is the time that is spent waiting for it. */
  readonly minRate?: { readonly bytesPerSecond: number; readonly graceMs: number } | undefined;
}

/**
 * Frames on a libp2p stream: a big-endian u32 length, then that many bytes. The stream is paused while a frame waits
 * to be read, so that at most one window of data is buffered (libp2p's own iterator buffers without bound).
 */
export class FrameStream {
  readonly #stream: Stream;
  readonly #options: FrameStreamOptions;
  readonly #buffer = new ByteQueue();
  /** The peer said that nothing more comes. */
  #isComplete = false;
  #outcome: 'open' | 'ended' | StrobeError = 'open';
  #wake: (() => void) | undefined;
  #resuming = false;
  #receivedBytes = 0;
  #waitedMs = 0;

  constructor(stream: Stream, options: FrameStreamOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.maxReadBufferLength = MAX_READ_BUFFER_BYTES;
    stream.addEventListener('message', (event) => this.#receive(event.data.subarray()));
    this.#isComplete = stream.remoteWriteStatus === 'closed' && stream.status === 'open';
    stream.addEventListener('remoteCloseWrite', () => {
      this.#isComplete = true;
    });
    stream.addEventListener('end', () => this.#end());
    stream.addEventListener('close', (event) => this.#end(event.error));
    if (stream.readableEnded) this.#end();
    if (stream.status !== 'open') this.#finish(networkError('STREAM_FAILED', `the stream is ${stream.status}`));
  }

  /** A reset, and the loss of the connection, announce themselves as an end too: that is no fault of the peer. */
  #end(cause?: Error): void {
    this.#finish(this.#isComplete ? 'ended' : networkError('STREAM_FAILED', 'the stream was cut', {}, cause));
  }

  get isOpen(): boolean {
    return this.#stream.status === 'open';
  }

  /**
   * The next frame; undefined when the peer is done.
   * @throws StrobeError PROTOCOL_VIOLATION, STREAM_TIMEOUT, STREAM_FAILED; the stream is aborted then
   */
  async read(): Promise<Bytes | undefined> {
    for (;;) {
      const frame = this.#takeFrame();
      if (frame !== undefined) return frame;
      // A stream that closed while it was paused still holds what arrived before.
      if (this.#stream.readStatus === 'paused') this.#resume();
      else if (this.#outcome !== 'open') return this.#atEnd(this.#outcome);
      else await this.#waitForMore();
    }
  }

  /**
   * Sends frames in one write and waits until the stream takes more.
   * @throws StrobeError STREAM_FAILED, STREAM_TIMEOUT when the peer stops reading
   */
  async write(...frames: readonly Bytes[]): Promise<void> {
    try {
      this.#stream.send(joinFrames(frames));
    } catch (cause) {
      throw networkError('STREAM_FAILED', 'the stream takes no more data', {}, cause);
    }
    // `onDrain` of libp2p 3.3 resolves at once after its first use, so the event is awaited here.
    while (this.#stream.writableNeedsDrain && this.isOpen) await this.#drain();
    if (typeof this.#outcome === 'object') throw this.#outcome;
  }

  /** Tells the peer that nothing more comes, once everything is sent. */
  async end(): Promise<void> {
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(STREAM_IDLE_TIMEOUT_MS) });
    } catch (error) {
      this.abort(toStrobeError(error));
    }
  }

  abort(error: StrobeError): void {
    this.#finish(error);
    this.#stream.abort(error);
  }

  #receive(chunk: Bytes): void {
    this.#buffer.push(chunk);
    this.#receivedBytes += chunk.length;
    if (!this.#resuming) this.#pauseWhenReadable();
    this.#wake?.();
  }

  #pauseWhenReadable(): void {
    const length = this.#buffer.peekUint32();
    if (length === undefined || this.#buffer.length < LENGTH_BYTES + length) return;
    if (this.#stream.readStatus === 'readable') this.#stream.pause();
  }

  /** `resume` delivers what was held back before it opens the window, so a pause from inside it would be undone. */
  #resume(): void {
    this.#resuming = true;
    try {
      this.#stream.resume();
    } catch (cause) {
      this.#finish(networkError('STREAM_FAILED', 'the connection is gone', {}, cause));
    }
    this.#resuming = false;
    this.#pauseWhenReadable();
  }

  #takeFrame(): Bytes | undefined {
    const length = this.#buffer.peekUint32();
    if (length === undefined) return undefined;
    if (length > this.#options.maxFrameBytes) {
      const violation = networkError('PROTOCOL_VIOLATION', `a frame of ${length} bytes, ${this.#options.maxFrameBytes} allowed`);
      this.abort(violation);
      throw violation;
    }
    if (this.#buffer.length < LENGTH_BYTES + length) return undefined;
    this.#buffer.take(LENGTH_BYTES);
    return this.#buffer.take(length);
  }

  #atEnd(outcome: 'ended' | StrobeError): undefined {
    if (outcome !== 'ended') throw outcome;
    if (this.#buffer.length > 0) throw networkError('PROTOCOL_VIOLATION', 'the stream ended inside a frame');
    return undefined;
  }

  #finish(outcome: 'ended' | StrobeError): void {
    if (this.#outcome === 'open') this.#outcome = outcome;
    this.#wake?.();
  }

  /** A byte now and then is no silence, but neither is it an answer. */
  async #waitForMore(): Promise<void> {
    const { readTimeoutMs, minRate } = this.#options;
    const startMs = performance.now();
    await this.#wait(readTimeoutMs);
    this.#waitedMs += performance.now() - startMs;
    if (minRate === undefined) return;
    const allowedMs = minRate.graceMs + (this.#receivedBytes / minRate.bytesPerSecond) * 1_000;
    if (this.#waitedMs > allowedMs) this.abort(networkError('STREAM_TIMEOUT', 'the peer sends too slowly'));
  }

  /** Until the stream's state may have changed. */
  #wait(timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#timeOut('sent', timeoutMs), timeoutMs);
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#timeOut('read', STREAM_IDLE_TIMEOUT_MS), STREAM_IDLE_TIMEOUT_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#stream.removeEventListener('drain', settle);
        this.#stream.removeEventListener('close', settle);
        resolve();
      };
      this.#stream.addEventListener('drain', settle);
      this.#stream.addEventListener('close', settle);
    });
  }

  /** The abort wakes whoever waits. */
  #timeOut(verb: 'sent' | 'read', timeoutMs: number): void {
    this.abort(networkError('STREAM_TIMEOUT', `the peer ${verb} nothing for ${timeoutMs} ms`));
  }
}

function joinFrames(frames: readonly Bytes[]): Bytes {
  let length = 0;
  for (const frame of frames) length += LENGTH_BYTES + frame.length;
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const frame of frames) {
    view.setUint32(offset, frame.length);
    out.set(frame, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + frame.length;
  }
  return out;
}
