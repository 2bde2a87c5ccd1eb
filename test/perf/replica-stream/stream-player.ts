import { setTimeout as delay } from 'node:timers/promises';
import { createIdentity } from '../../../src/network/identity.ts';
import type { NetworkNode } from '../../../src/network/network-node.ts';
import { createThreadedNetworkNode } from '../../../src/network/network-thread.ts';
import type { ChainIdentity } from '../../../src/protocol/genesis.ts';
import { HEARTBEAT_INTERVAL_MS } from '../../../src/protocol/limits.ts';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { heartbeatDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../../src/protocol/signing.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { defined } from '../../support/defined.ts';
import { PublishedChain } from './published-chain.ts';
import type { StreamReader, StreamRecord } from './stream-file.ts';

/** Plays the sequencer of a stream for replicas, over real connections. */
export class StreamPlayer implements AsyncDisposable {
  /** For replicas to dial. */
  readonly address: string;
  /** When a mini-block was given to gossip, by number; performance.now(). */
  readonly publishedAtMs: number[] = [];
  /** Mini-blocks published more than an interval behind their time: the generator's fault, and not the replica's. */
  late = 0;
  readonly #reader: StreamReader;
  readonly #network: NetworkNode;
  readonly #chain: PublishedChain;
  readonly #identity: ChainIdentity;
  readonly #signer: Signer;
  readonly #heartbeat: NodeJS.Timeout;
  #next = 0;
  #lastPublishMs = 0;

  private constructor(
    options: { readonly identity: ChainIdentity; readonly signer: Signer },
    modules: { readonly reader: StreamReader; readonly network: NetworkNode; readonly chain: PublishedChain },
  ) {
    this.#identity = options.identity;
    this.#signer = options.signer;
    this.#reader = modules.reader;
    this.#network = modules.network;
    this.#chain = modules.chain;
    this.address = defined(modules.network.addresses()[0]);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_INTERVAL_MS);
  }

  /** Resolves when the epoch is open and replicas can follow. */
  static async start(identity: ChainIdentity, signer: Signer, reader: StreamReader): Promise<StreamPlayer> {
    const chain = new PublishedChain(reader, identity.genesisHash);
    const refuse = (): never => {
      throw new StrobeError('NOT_ACCEPTING', 'a stream takes no transactions');
    };
    const { privateKey } = await createIdentity();
    const network = createThreadedNetworkNode(
      { identity, privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] },
      {
        source: chain,
        sequencer: {
          ...{ submit: refuse, pendingNonce: refuse, pooledTransaction: refuse, poolCounts: refuse, poolPage: refuse },
          subscribePending: refuse,
        },
      },
    );
    await network.start();
    const player = new StreamPlayer({ identity, signer }, { reader, network, chain });
    player.#publish(defined(reader.index.records[0]));
    return player;
  }

  /** Records that replicas had to fetch. */
  get served(): number {
    return this.#chain.served;
  }

  /** Publishes the next mini-block, and its block's seal when it is the last one. */
  publishNext(): void {
    let isMiniBlockOut = false;
    for (;;) {
      const record = this.#reader.index.records[this.#next];
      if (record === undefined || (isMiniBlockOut && record.kind !== 'blockSeal')) return;
      this.#publish(record);
      isMiniBlockOut ||= record.kind === 'miniBlock';
    }
  }

  #publish(record: StreamRecord): void {
    const bytes = this.#reader.read(record);
    this.#chain.add(record);
    this.#next++;
    this.#lastPublishMs = performance.now();
    if (record.kind === 'miniBlock') this.publishedAtMs[record.number] = this.#lastPublishMs;
    this.#network.gossip.publish(record.kind === 'blockSeal' ? 'seals' : 'mini-blocks', bytes);
  }

  /** Publishes the next `count` mini-blocks, one each interval. */
  async play(count: number, intervalMs: number, signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    for (let i = 0; i < count && !signal.aborted; i++) {
      const dueMs = startMs + i * intervalMs;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      if (performance.now() > dueMs + intervalMs) this.late++;
      this.publishNext();
    }
  }

  /** A sign of life while nothing else is said. */
  #beat(): void {
    if (performance.now() - this.#lastPublishMs < HEARTBEAT_INTERVAL_MS) return;
    const { genesisHash } = this.#identity;
    const unsigned = { genesisHash, ...this.#chain.head(), timestampUs: Date.now() * 1_000 };
    const heartbeat = withSignature(unsigned, heartbeatDigest(unsigned), this.#signer);
    this.#network.gossip.publish('mini-blocks', encodeSequencerMessage({ kind: 'heartbeat', heartbeat }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#network.stop();
  }
}
