import type { Connection } from '@libp2p/interface';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { FrameStream } from './frame-stream.ts';
import { networkError } from './network-errors.ts';
import {
  ANSWER_GRACE_MS,
  MAX_CONCURRENT_REQUESTS,
  MIN_ANSWER_BYTES_PER_SECOND,
  OPEN_STREAM_TIMEOUT_MS,
  STREAM_IDLE_TIMEOUT_MS,
} from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';
import { type Answer, decodeAnswer, type PeerProtocol, peerProtocols } from './peer-protocols.ts';

const MIN_RATE = { bytesPerSecond: MIN_ANSWER_BYTES_PER_SECOND, graceMs: ANSWER_GRACE_MS };

/** Opens streams to peers for one request each. */
export class PeerRequests {
  readonly #protocols: ReturnType<typeof peerProtocols>;
  readonly #guard: PeerGuard;

  constructor(options: { readonly prefix: string }, modules: { readonly guard: PeerGuard }) {
    this.#protocols = peerProtocols(options.prefix);
    this.#guard = modules.guard;
  }

  /** A stream for a protocol that answers without being asked. */
  async open(connection: Connection, protocol: PeerProtocol, maxFrameBytes: number, readTimeoutMs: number): Promise<FrameStream> {
    const stream = await connection.newStream(this.#protocols[protocol], {
      signal: AbortSignal.timeout(OPEN_STREAM_TIMEOUT_MS),
      maxOutboundStreams: MAX_CONCURRENT_REQUESTS,
    });
    return new FrameStream(stream, { maxFrameBytes, readTimeoutMs, minRate: MIN_RATE });
  }

  /** Sends a request and reads the first frame of its answer. */
  async ask(
    connection: Connection,
    protocol: PeerProtocol,
    request: Bytes,
    maxFrameBytes: number,
  ): Promise<{ readonly frames: FrameStream; readonly answer: Answer }> {
    const frames = await this.open(connection, protocol, maxFrameBytes, STREAM_IDLE_TIMEOUT_MS);
    await frames.write(request);
    await frames.end();
    return { frames, answer: decodeAnswer(await readFirst(frames)) };
  }

  /** Counts an error that is the peer's fault against it. */
  noteFault(connection: Connection, error: unknown): void {
    if (isStrobeError(error, 'PROTOCOL_VIOLATION')) this.#guard.offend(connection.remotePeer.toString(), error.code);
  }
}

/**
 * The first frame of an answer. A peer that ends the stream in place of it has had enough of our requests, which is no
 * fault of its own.
 * @throws StrobeError STREAM_FAILED, and as FrameStream.read does
 */
export async function readFirst(frames: FrameStream): Promise<Bytes> {
  const frame = await frames.read();
  if (frame === undefined) throw networkError('STREAM_FAILED', 'the peer ended the stream without an answer');
  return frame;
}

/** All that comes, joined. @throws StrobeError PROTOCOL_VIOLATION when that is more than `maxBytes` */
export async function readToEnd(frames: FrameStream, maxBytes: number): Promise<Bytes> {
  const parts: Bytes[] = [];
  let bytes = 0;
  for (;;) {
    const part = await frames.read();
    if (part === undefined) return concatBytes(...parts);
    bytes += part.length;
    if (bytes > maxBytes) {
      const violation = networkError('PROTOCOL_VIOLATION', `an answer of more than ${maxBytes} bytes`);
      frames.abort(violation);
      throw violation;
    }
    parts.push(part);
  }
}
