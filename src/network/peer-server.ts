import { isAttestationRecord } from '../protocol/attestation-record.ts';
import type { Bytes } from '../util/bytes.ts';
import type { ThreadRpc } from '../util/thread-rpc.ts';
import type { CoreApi, HostApi } from './host-api.ts';
import {
  MAX_BLOCK_ATTESTATIONS,
  MAX_RANGE_BYTES,
  MAX_RANGE_MINI_BLOCKS,
  MAX_WITNESS_FRAME_BYTES,
  RANGE_WRITE_BYTES,
} from './network-limits.ts';
import { ANSWER, decodeRangeRequest, decodeWitnessRequest, encodeAnswer, encodeHead, peerProtocols } from './peer-protocols.ts';
import { type ServedRequest, StreamServer, type StreamServerModules, serveData } from './stream-server.ts';

export interface PeerServerModules extends StreamServerModules {
  readonly core: ThreadRpc<HostApi, CoreApi>;
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
    const server = new StreamServer(this.#modules);
    await server.handle(this.#protocols.head, (request) => this.#serveHead(request));
    await server.handle(this.#protocols.range, (request) => this.#serveRange(request));
    await server.handle(this.#protocols.witness, (request) => this.#serveWitness(request));
  }

  async #serveHead({ frames }: ServedRequest): Promise<void> {
    await frames.write(encodeHead(await this.#modules.core.call('sourceHead')));
  }

  async #serveRange({ frames, isAllowed, noteSent }: ServedRequest): Promise<void> {
    const { from, limit } = decodeRangeRequest(await frames.read());
    const head = await this.#modules.core.call('sourceHead');
    if (from > head.number) return frames.write(encodeAnswer(ANSWER.upToDate));
    if (!isAllowed()) return frames.write(encodeAnswer(ANSWER.busy));
    let batch: Bytes[] = [];
    let batchBytes = 0;
    let totalBytes = 0;
    let started = false;
    let attestations = 0;
    for await (const record of this.#modules.core.stream('sourceRange', from, Math.min(limit, MAX_RANGE_MINI_BLOCKS))) {
      if (!started) batch.push(encodeAnswer(ANSWER.data));
      started = true;
      attestations = isAttestationRecord(record) ? attestations + 1 : 0;
      if (attestations > MAX_BLOCK_ATTESTATIONS) continue;
      batch.push(record);
      batchBytes += record.length;
      totalBytes += record.length;
      noteSent(record.length);
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

  #serveWitness(request: ServedRequest): Promise<void> {
    const { core } = this.#modules;
    return serveData(
      request,
      decodeWitnessRequest,
      (blockNumber) => core.call('sourceWitness', blockNumber),
      MAX_WITNESS_FRAME_BYTES,
    );
  }
}
