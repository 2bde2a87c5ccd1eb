import type { PooledBytes } from '../protocol/ports/pool.ts';
import type { Bytes } from '../util/bytes.ts';
import type { StrobeError } from '../util/errors.ts';
import { BatchingWriter } from './batching-writer.ts';
import type { FrameStream } from './frame-stream.ts';
import { decodeLinkError, decodeLinkFrame, encodeLinkFrame, LINK_KIND, type LinkFrame, type LinkKind } from './link-frames.ts';
import { decodePooled } from './link-pending.ts';
import { networkError } from './network-errors.ts';
import { LINK_REQUEST_TIMEOUT_MS, MAX_LINK_REQUEST_BYTES, MAX_LINK_REQUESTS } from './network-limits.ts';

interface Request {
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (value: Bytes | undefined) => void;
  readonly reject: (error: StrobeError) => void;
}

/** Requests multiplexed on one stream: each has an id, answers come in any order. */
export class LinkRequests {
  readonly #frames: FrameStream;
  readonly #writer: BatchingWriter;
  readonly #onPooled: (pooled: PooledBytes) => void;
  readonly #waiting = new Map<number, Request>();
  #waitingBytes = 0;
  #nextId = 0;
  #closed: StrobeError | undefined;

  constructor(frames: FrameStream, modules: { readonly onPooled: (pooled: PooledBytes) => void }) {
    this.#frames = frames;
    this.#onPooled = modules.onPooled;
    this.#writer = new BatchingWriter(frames);
  }

  /**
   * Sends a request; the answer's bytes, or undefined for "nothing".
   * @throws StrobeError SEQUENCER_LINK_BUSY, SEQUENCER_UNREACHABLE when no answer comes, and the sequencer's own codes
   */
  ask(kind: LinkKind, body: Bytes): Promise<Bytes | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      if (this.#waiting.size >= MAX_LINK_REQUESTS || this.#waitingBytes + body.length > MAX_LINK_REQUEST_BYTES) {
        return reject(networkError('SEQUENCER_LINK_BUSY', `${this.#waiting.size} requests wait for the sequencer`));
      }
      const id = this.#takeId();
      const timer = setTimeout(() => this.#settle(id)?.reject(timedOut()), LINK_REQUEST_TIMEOUT_MS);
      this.#waiting.set(id, { bytes: body.length, timer, resolve, reject });
      this.#waitingBytes += body.length;
      this.#writer.push(encodeLinkFrame({ kind, id, body }));
    });
  }

  /** Hands out answers until the stream ends. @throws StrobeError of the stream, PROTOCOL_VIOLATION */
  async readAnswers(): Promise<void> {
    for (;;) {
      const bytes = await this.#frames.read();
      if (bytes === undefined) return;
      this.#answer(decodeLinkFrame(bytes));
    }
  }

  /** Fails what is under way with `reason` and closes the stream. Idempotent. */
  close(reason: StrobeError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(reason);
    this.#frames.abort(reason);
  }

  #answer(frame: LinkFrame): void {
    switch (frame.kind) {
      case LINK_KIND.value:
        this.#settle(frame.id)?.resolve(frame.body);
        break;
      case LINK_KIND.nothing:
        this.#settle(frame.id)?.resolve(undefined);
        break;
      case LINK_KIND.error: {
        // Decoded first: a malformed error must not settle the request without telling its caller.
        const error = decodeLinkError(frame.body);
        this.#settle(frame.id)?.reject(error);
        break;
      }
      case LINK_KIND.pooled:
        this.#onPooled(decodePooled(frame.body));
        break;
      default:
        throw networkError('PROTOCOL_VIOLATION', 'a request where an answer belongs');
    }
  }

  /** Takes a request off the list; undefined when it timed out before. */
  #settle(id: number): Request | undefined {
    const request = this.#waiting.get(id);
    if (request === undefined) return undefined;
    clearTimeout(request.timer);
    this.#waiting.delete(id);
    this.#waitingBytes -= request.bytes;
    return request;
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 32;
    return id;
  }
}

function timedOut(): StrobeError {
  return networkError('SEQUENCER_UNREACHABLE', `the sequencer did not answer within ${LINK_REQUEST_TIMEOUT_MS} ms`);
}
