import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import type { FloodGuard } from './flood-guard.ts';
import { FrameStream } from './frame-stream.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import { networkError, toStrobeError } from './network-errors.ts';
import {
  MAX_CONCURRENT_REQUESTS,
  MAX_RANGE_BYTES,
  MAX_RANGE_MINI_BLOCKS,
  MAX_WITNESS_FRAME_BYTES,
  RANGE_WRITE_BYTES,
  STREAM_IDLE_TIMEOUT_MS,
} from './network-limits.ts';
import type { PeerGuard } from './peer-guard.ts';
import {
  ANSWER,
  decodeRangeRequest,
  decodeWitnessRequest,
  encodeAnswer,
  encodeHead,
  MAX_REQUEST_BYTES,
  peerProtocols,
} from './peer-protocols.ts';
import type { ThreadRpc } from './thread-rpc.ts';

export interface PeerServerModules {
  readonly libp2p: Libp2p;
  readonly core: ThreadRpc<HostApi, CoreApi>;
  readonly guard: PeerGuard;
  readonly flood: FloodGuard;
}

/** Serves head, range and witness requests from the core's `PeerSource`. */
export class PeerServer {
  readonly #protocols: ReturnType<typeof peerProtocols>;
  readonly #modules: PeerServerModules;

  constructor(options: { readonly prefix: string }, modules: PeerServerModules) {
    this.#protocols = peerProtocols(options.prefix);
    this.#modules = modules;
  }

  async start(): Promise<void> {
    await this.#handle(this.#protocols.head, (frames) => this.#serveHead(frames));
    await this.#handle(this.#protocols.range, (frames) => this.#serveRange(frames));
    await this.#handle(this.#protocols.witness, (frames) => this.#serveWitness(frames));
  }

  async #handle(protocol: string, serve: (frames: FrameStream) => Promise<void>): Promise<void> {
    const handler = (stream: Stream, connection: Connection): Promise<void> =>
      this.#serve(stream, connection.remotePeer.toString(), serve);
    await this.#modules.libp2p.handle(protocol, handler, { maxInboundStreams: MAX_CONCURRENT_REQUESTS });
  }

  async #serve(stream: Stream, peer: string, serve: (frames: FrameStream) => Promise<void>): Promise<void> {
    const frames = new FrameStream(stream, { maxFrameBytes: MAX_REQUEST_BYTES, readTimeoutMs: STREAM_IDLE_TIMEOUT_MS });
    if (!this.#modules.guard.allowRequest(peer)) {
      this.#modules.flood.noteRefusedRequest(peer);
      frames.abort(networkError('PEER_DROPPED', 'too many requests'));
      return;
    }
    try {
      await serve(frames);
      await frames.end();
    } catch (error) {
      if (isStrobeError(error, 'PROTOCOL_VIOLATION')) this.#modules.guard.offend(peer, error.code);
      frames.abort(toStrobeError(error));
    }
  }

  async #serveHead(frames: FrameStream): Promise<void> {
    await frames.write(encodeHead(await this.#modules.core.call('sourceHead')));
  }

  async #serveRange(frames: FrameStream): Promise<void> {
    const { from, limit } = decodeRangeRequest(await frames.read());
    const head = await this.#modules.core.call('sourceHead');
    if (from > head.number) return frames.write(encodeAnswer(ANSWER.upToDate));
    let batch: Bytes[] = [];
    let batchBytes = 0;
    let totalBytes = 0;
    let started = false;
    for await (const record of this.#modules.core.stream('sourceRange', from, Math.min(limit, MAX_RANGE_MINI_BLOCKS))) {
      if (!started) batch.push(encodeAnswer(ANSWER.data));
      started = true;
      batch.push(record);
      batchBytes += record.length;
      totalBytes += record.length;
      if (batchBytes >= RANGE_WRITE_BYTES) {
        await frames.write(...batch);
        batch = [];
        batchBytes = 0;
      }
      if (totalBytes >= MAX_RANGE_BYTES) break;
    }
    if (!started) return frames.write(encodeAnswer(ANSWER.notKept));
    if (batch.length > 0) await frames.write(...batch);
  }

  async #serveWitness(frames: FrameStream): Promise<void> {
    const blockNumber = decodeWitnessRequest(await frames.read());
    const witness = await this.#modules.core.call('sourceWitness', blockNumber);
    if (witness === undefined) return frames.write(encodeAnswer(ANSWER.notKept));
    await frames.write(encodeAnswer(ANSWER.data));
    for (let offset = 0; offset < witness.length; offset += MAX_WITNESS_FRAME_BYTES) {
      await frames.write(witness.subarray(offset, offset + MAX_WITNESS_FRAME_BYTES));
    }
  }
}
