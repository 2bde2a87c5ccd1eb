import type { Bytes } from '../util/bytes.ts';
import { toStrobeError } from '../util/errors.ts';
import type { FrameStream } from './frame-stream.ts';

/** One write: what fits in a few encryption records, so that a later frame never waits long behind a batch. */
const MAX_WRITE_BYTES = 64 * 1024;

/**
 * Sends frames of many concurrent requests on one stream: what is queued in one turn of the event loop, or while the
 * peer is not ready, leaves in one write. The callers bound how much they queue; a failed write aborts the stream.
 */
export class BatchingWriter {
  readonly #frames: FrameStream;
  #queue: Bytes[] = [];
  #queuedBytes = 0;
  #flushing = false;
  #onIdle: (() => void)[] = [];

  constructor(frames: FrameStream) {
    this.#frames = frames;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  push(frame: Bytes): void {
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Resolves when everything queued so far was taken by the stream, or the stream failed. */
  async idle(): Promise<void> {
    if (this.#flushing) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #flush(): Promise<void> {
    try {
      while (this.#queue.length > 0) await this.#frames.write(...this.#takeBatch());
    } catch (error) {
      // Whoever reads the stream learns of it and ends; nothing queued can be sent any more.
      this.#frames.abort(toStrobeError(error));
      this.#queue = [];
      this.#queuedBytes = 0;
    }
    this.#flushing = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #takeBatch(): Bytes[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#queue.length && bytes < MAX_WRITE_BYTES) bytes += (this.#queue[count++] as Bytes).length;
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }
}
