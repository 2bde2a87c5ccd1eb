import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError, toStrobeError } from '../util/errors.ts';
import type { FloodGuard } from './flood-guard.ts';
import { FrameStream } from './frame-stream.ts';
import { networkError } from './network-errors.ts';
import { MAX_CONCURRENT_REQUESTS, STREAM_IDLE_TIMEOUT_MS } from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';
import { ANSWER, encodeAnswer, MAX_REQUEST_BYTES } from './peer-protocols.ts';

export interface StreamServerModules {
  readonly libp2p: Libp2p;
  readonly guard: PeerGuard;
  readonly flood: FloodGuard;
}

/** One request of a peer. */
export interface ServedRequest {
  readonly frames: FrameStream;
  /** False when this peer gets no data for now: {@link StreamServer.refuse} tells it. */
  readonly isAllowed: () => boolean;
  /** Counts data that was sent, bytes. */
  readonly noteSent: (bytes: number) => void;
}

/** Serves requests of peers, each on a stream of its own, within what each peer may ask for. */
export class StreamServer {
  readonly #modules: StreamServerModules;

  constructor(modules: StreamServerModules) {
    this.#modules = modules;
  }

  async handle(protocol: string, serve: (request: ServedRequest) => Promise<void>): Promise<void> {
    const handler = (stream: Stream, connection: Connection): Promise<void> =>
      this.#serve(stream, connection.remotePeer.toString(), serve);
    await this.#modules.libp2p.handle(protocol, handler, { maxInboundStreams: MAX_CONCURRENT_REQUESTS });
  }

  async #serve(stream: Stream, peer: string, serve: (request: ServedRequest) => Promise<void>): Promise<void> {
    const { guard, flood } = this.#modules;
    const frames = new FrameStream(stream, { maxFrameBytes: MAX_REQUEST_BYTES, readTimeoutMs: STREAM_IDLE_TIMEOUT_MS });
    if (!guard.allowRequest(peer)) {
      flood.noteRefusedRequest(peer);
      frames.abort(networkError('PEER_DROPPED', 'too many requests'));
      return;
    }
    try {
      await serve({
        frames,
        isAllowed: () => guard.allowsAnswer(peer),
        noteSent: (bytes) => guard.noteAnswered(peer, bytes),
      });
      await frames.end();
    } catch (error) {
      if (isStrobeError(error, 'PROTOCOL_VIOLATION')) guard.offend(peer, error.code);
      frames.abort(toStrobeError(error));
    }
  }
}

/**
 * Serves one piece of data, in frames of at most `frameBytes`.
 * @param find what the request, which `decode` has read, asks for; undefined: it is not kept here
 */
export async function serveData<Wanted>(
  request: ServedRequest,
  decode: (frame: Bytes | undefined) => Wanted,
  find: (wanted: Wanted) => Promise<Bytes | undefined>,
  frameBytes: number,
): Promise<void> {
  const wanted = decode(await request.frames.read());
  if (!request.isAllowed()) return request.frames.write(encodeAnswer(ANSWER.busy));
  await sendData(request, await find(wanted), frameBytes);
}

async function sendData({ frames, noteSent }: ServedRequest, data: Bytes | undefined, frameBytes: number): Promise<void> {
  if (data === undefined) return frames.write(encodeAnswer(ANSWER.notKept));
  await frames.write(encodeAnswer(ANSWER.data));
  for (let offset = 0; offset < data.length; offset += frameBytes) {
    const part = data.subarray(offset, offset + frameBytes);
    noteSent(part.length);
    await frames.write(part);
  }
}
