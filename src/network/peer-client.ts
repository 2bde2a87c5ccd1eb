import type { Connection, Libp2p } from '@libp2p/interface';
import { isAttestationRecord } from '../protocol/attestation-record.ts';
import { MAX_WITNESS_CHUNKS, WITNESS_CHUNK_BYTES } from '../protocol/limits.ts';
import type { AnswerFault, PeerHead } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { toStrobeError } from '../util/errors.ts';
import type { FrameStream } from './frame-stream.ts';
import { networkError } from './network-errors.ts';
import {
  HEAD_TIMEOUT_MS,
  MAX_BLOCK_ATTESTATIONS,
  MAX_RANGE_MINI_BLOCKS,
  MAX_RECORD_BYTES,
  MAX_WITNESS_FRAME_BYTES,
} from './network-limits.ts';
import type { PeerFailures } from './peer-failures.ts';
import type { PeerGuard } from './peer-guard.ts';
import {
  ANSWER,
  decodeHead,
  encodeRangeRequest,
  encodeWitnessRequest,
  MAX_HEAD_FRAME_BYTES,
  peerProtocols,
} from './peer-protocols.ts';
import { PeerRequests, readFirst, readToEnd } from './peer-requests.ts';
import { PeerSet } from './peer-set.ts';

const MAX_WITNESS_BYTES = MAX_WITNESS_CHUNKS * WITNESS_CHUNK_BYTES;

export interface PeerClientModules {
  readonly libp2p: Libp2p;
  readonly guard: PeerGuard;
  readonly failures: PeerFailures;
}

/** Answers whose givers are remembered: those under way, and some that were read just now. */
const MAX_REMEMBERED_ANSWERS = 64;

/** The host's end of `PeerReader`: asks the connected peers in turn. */
export class PeerClient {
  readonly #modules: PeerClientModules;
  readonly #requests: PeerRequests;
  readonly #rangeProtocol: string;
  readonly #peers: PeerSet;
  /** Who gave which answer, by ticket. */
  readonly #answers = new Map<number, Connection>();

  constructor(options: { readonly prefix: string }, modules: PeerClientModules) {
    this.#modules = modules;
    this.#rangeProtocol = peerProtocols(options.prefix).range;
    this.#requests = new PeerRequests(options, modules);
    this.#peers = new PeerSet(modules.libp2p);
  }

  async start(): Promise<void> {
    await this.#peers.watch(this.#rangeProtocol);
  }

  async heads(): Promise<readonly PeerHead[]> {
    const answers = await Promise.allSettled(this.#peers.inOrder().map((connection) => this.#head(connection)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** @throws StrobeError NO_PEER_HAS_RANGE; also when a peer fails after some records, of which `received` tells how many */
  async *range(from: number, limit: number, ticket: number): AsyncIterable<Bytes> {
    // A peer answers at most so many; a longer answer than was asked for would be a violation.
    const asked = Math.min(limit, MAX_RANGE_MINI_BLOCKS);
    let upToDate = false;
    for (const connection of this.#peers.inOrder()) {
      let received = 0;
      try {
        const opened = await this.#requests.ask(connection, 'range', encodeRangeRequest(from, asked), MAX_RECORD_BYTES);
        upToDate ||= opened.answer === ANSWER.upToDate;
        if (opened.answer !== ANSWER.data) continue;
        this.#noteAnswer(connection, ticket);
        for await (const record of readRecords(opened.frames, maxRecords(asked))) {
          received++;
          yield record;
        }
        return;
      } catch (error) {
        this.#noteFailure(connection, error);
        if (received > 0) throw noRange(from, `the peer failed after ${received} records`, received, error);
      }
    }
    if (!upToDate) throw noRange(from, 'no connected peer serves it', 0);
  }

  /** @throws StrobeError NO_PEER_HAS_WITNESS */
  async witness(blockNumber: number, ticket: number): Promise<Bytes> {
    for (const connection of this.#peers.inOrder()) {
      try {
        const request = encodeWitnessRequest(blockNumber);
        const { frames, answer } = await this.#requests.ask(connection, 'witness', request, MAX_WITNESS_FRAME_BYTES);
        if (answer !== ANSWER.data) continue;
        this.#noteAnswer(connection, ticket);
        return await readToEnd(frames, MAX_WITNESS_BYTES);
      } catch (error) {
        this.#noteFailure(connection, error);
      }
    }
    throw networkError('NO_PEER_HAS_WITNESS', `no connected peer has the witness of block ${blockNumber}`, { blockNumber });
  }

  /** An answer turned out to be of no use. */
  refuse(ticket: number, { code, isForged }: AnswerFault): void {
    const connection = this.#answers.get(ticket);
    if (connection === undefined) return;
    this.#answers.delete(ticket);
    this.#demote(connection, code);
    if (isForged) this.#modules.guard.offend(connection.remotePeer.toString(), code);
  }

  #noteAnswer(connection: Connection, ticket: number): void {
    this.#peers.noteServed(connection);
    this.#answers.set(ticket, connection);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MAX_REMEMBERED_ANSWERS) return;
      this.#answers.delete(oldest);
    }
  }

  async #head(connection: Connection): Promise<PeerHead> {
    try {
      const frames = await this.#requests.open(connection, 'head', MAX_HEAD_FRAME_BYTES, HEAD_TIMEOUT_MS);
      await frames.end();
      return decodeHead(await readFirst(frames));
    } catch (error) {
      this.#noteFailure(connection, error);
      throw error;
    }
  }

  #noteFailure(connection: Connection, error: unknown): void {
    this.#demote(connection, toStrobeError(error).code);
    this.#requests.noteFault(connection, error);
  }

  #demote(connection: Connection, code: string): void {
    this.#peers.noteFailure(connection, this.#modules.failures.note(connection.remotePeer.toString(), code));
  }
}

/** Seals and epoch starts travel between the mini-blocks: at most one of each per mini-block, and some at the edges. */
const maxRecords = (miniBlocks: number): number => 3 * miniBlocks + 16;

/** @param max records of the log; what provers say comes behind the seal that it is of, and is counted for itself */
async function* readRecords(frames: FrameStream, max: number): AsyncIterable<Bytes> {
  let count = 0;
  let attestations = 0;
  try {
    for (;;) {
      const record = await frames.read();
      if (record === undefined) return;
      attestations = isAttestationRecord(record) ? attestations + 1 : 0;
      if (attestations === 0) count++;
      if (count > max) throw networkError('PROTOCOL_VIOLATION', `more than ${max} records`);
      if (attestations > MAX_BLOCK_ATTESTATIONS) {
        throw networkError('PROTOCOL_VIOLATION', `more than ${MAX_BLOCK_ATTESTATIONS} attestations of a block`);
      }
      yield record;
    }
  } finally {
    // Reached early when the reader has enough or the peer misbehaved; after a complete answer it does nothing.
    frames.abort(networkError('STREAM_FAILED', 'the answer is not read any further'));
  }
}

function noRange(from: number, why: string, received: number, cause?: unknown) {
  const message = `mini-blocks from ${from}: ${why}`;
  return networkError('NO_PEER_HAS_RANGE', message, { from, received }, cause && toStrobeError(cause));
}
