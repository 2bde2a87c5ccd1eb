import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@libp2p/interface';
import { topicName } from '../../src/network/gossip-parameters.ts';
import { peerProtocols } from '../../src/network/peer-protocols.ts';
import { encodeAttestation } from '../../src/protocol/attestation.ts';
import type { Topic } from '../../src/protocol/ports/network.ts';
import type { Bytes } from '../../src/util/bytes.ts';
import type { Forgeries } from './forgeries.ts';
import { framed, type RawLibp2p } from './raw-libp2p.ts';

/** Between two pieces of garbage, ms: slow enough that nothing but their contents is to blame. */
const GARBAGE_PAUSE_MS = 20;
/** Messages sent in one turn of the event loop. */
const FLOOD_BATCH = 250;
const LARGE_MESSAGE_BYTES = 1_000_000;
/** One in so many messages of a flood is a large one. */
const LARGE_EVERY = 500;
/** Streams that a flood of requests opens at a time. */
const REQUEST_LOOPS = 8;

export interface SenderModules {
  readonly libp2p: RawLibp2p;
  readonly connection: Connection;
  readonly prefix: string;
  readonly forgeries: Forgeries;
  readonly note: (what: string) => void;
}

/** Sends as long as the connection lasts. */
export class HostileSender {
  readonly #modules: SenderModules;
  /** Over all senders of the process, so that nothing is sent twice: a repetition is not even looked at. */
  static #seed = 0;

  constructor(modules: SenderModules) {
    this.#modules = modules;
  }

  get #isOpen(): boolean {
    return this.#modules.connection.status === 'open';
  }

  async #publish(topic: Topic, message: Bytes): Promise<void> {
    const { libp2p, prefix, note } = this.#modules;
    try {
      const { recipients } = await libp2p.services.pubsub.publish(topicName(prefix, topic), message);
      if (recipients.length > 0) note('gossip');
    } catch {
      // It was cut off meanwhile, which the loops see.
    }
  }

  /** Noise, truncated messages and signatures of a stranger on every topic, and requests that make no sense. */
  async sendGarbage(): Promise<void> {
    const { forgeries } = this.#modules;
    while (this.#isOpen) {
      const seed = HostileSender.#seed++;
      const heartbeat = forgeries.heartbeat(seed);
      await this.#publish('mini-blocks', heartbeat);
      await this.#publish('seals', heartbeat.subarray(0, heartbeat.length - 1 - (seed % 40)));
      await this.#publish('witnesses', Uint8Array.of(0xc0, seed & 0xff, seed >> 8));
      await this.#publish('attestations', encodeAttestation(forgeries.attestation(1 + seed)));
      await this.#request('range', framed(Uint8Array.of(seed & 0xff)));
      await delay(GARBAGE_PAUSE_MS);
    }
  }

  /** Harmless messages and requests, as many as go out. */
  async flood(): Promise<void> {
    await Promise.all([this.#floodGossip(), ...Array.from({ length: REQUEST_LOOPS }, () => this.#floodRequests())]);
  }

  async #floodGossip(): Promise<void> {
    const { forgeries } = this.#modules;
    while (this.#isOpen) {
      const batch = Array.from({ length: FLOOD_BATCH }, () => HostileSender.#seed++);
      const messageOf = (seed: number): Bytes =>
        seed % LARGE_EVERY === 0 ? forgeries.largeMiniBlock(seed, LARGE_MESSAGE_BYTES) : forgeries.staleMiniBlock(seed);
      await Promise.all(batch.map((seed) => this.#publish('mini-blocks', messageOf(seed))));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #floodRequests(): Promise<void> {
    while (this.#isOpen) await this.#request('head');
  }

  async #request(protocol: 'head' | 'range', request?: Bytes): Promise<void> {
    const { connection, prefix, note } = this.#modules;
    try {
      const stream = await connection.newStream(peerProtocols(prefix)[protocol]);
      stream.addEventListener('message', () => {});
      if (request !== undefined) stream.send(request);
      await stream.close();
      note('request');
    } catch {
      note('request refused');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
