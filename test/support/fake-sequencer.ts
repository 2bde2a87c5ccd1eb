import { createIdentity } from '../../src/network/identity.ts';
import { createNetworkNode } from '../../src/network/network-inline.ts';
import type { NetworkNode } from '../../src/network/network-node.ts';
import { type Attestation, decodeAttestation, encodeAttestation } from '../../src/protocol/attestation.ts';
import { encodeAttestationRecord } from '../../src/protocol/attestation-record.ts';
import type { ChainIdentity } from '../../src/protocol/genesis.ts';
import { HEARTBEAT_INTERVAL_MS } from '../../src/protocol/limits.ts';
import {
  decodeSequencerMessage,
  encodeSequencerMessage,
  recordNumber,
  type SequencerMessage,
} from '../../src/protocol/log-record.ts';
import type { PeerHead } from '../../src/protocol/ports/network.ts';
import { epochStartDigest, heartbeatDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../src/protocol/signing.ts';
import { ACCEPT } from '../../src/protocol/verdict.ts';
import type { Bytes } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { defined } from './defined.ts';

/** The epoch that it opens and signs for. */
const EPOCH = 1;

/**
 * A peer with a sequencer's key that says whatever a test wants: it serves and gossips the given messages over real
 * connections, and heartbeats over its head.
 */
export class FakeSequencer implements AsyncDisposable {
  /** Multiaddr for other nodes to dial. */
  readonly address: string;
  /** What provers said, as it went through. */
  readonly attestations: Attestation[];
  readonly #network: NetworkNode;
  readonly #signer: Signer;
  readonly #identity: ChainIdentity;
  readonly #chain: ServedChain;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(
    options: { readonly identity: ChainIdentity; readonly signer: Signer },
    modules: { readonly network: NetworkNode; readonly chain: ServedChain; readonly attestations: Attestation[] },
  ) {
    this.#identity = options.identity;
    this.#signer = options.signer;
    this.#network = modules.network;
    this.#chain = modules.chain;
    this.attestations = modules.attestations;
    this.address = defined(modules.network.addresses()[0]);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_INTERVAL_MS);
  }

  static async start(identity: ChainIdentity, signer: Signer): Promise<FakeSequencer> {
    const chain = new ServedChain(identity);
    const refuse = (): never => {
      throw new StrobeError('NOT_ACCEPTING', 'this sequencer takes no transactions');
    };
    const { privateKey } = await createIdentity();
    const network = createNetworkNode(
      { identity, privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] },
      {
        source: chain,
        sequencer: {
          ...{ submit: refuse, pendingNonce: refuse, pooledTransaction: refuse, poolCounts: refuse, poolPage: refuse },
          subscribePending: refuse,
        },
      },
    );
    const attestations: Attestation[] = [];
    network.gossip.subscribe(
      'attestations',
      () => ACCEPT,
      (message) => attestations.push(decodeAttestation(message)),
    );
    await network.start();
    const fake = new FakeSequencer({ identity, signer }, { network, chain, attestations });
    fake.#startEpoch();
    return fake;
  }

  #startEpoch(): void {
    const { genesisHash } = this.#identity;
    const unsigned = { genesisHash, epoch: EPOCH, lastNumber: 0, lastDigest: genesisHash, sequencerKey: this.#signer.address };
    this.publish({ kind: 'epochStart', epochStart: withSignature(unsigned, epochStartDigest(unsigned), this.#signer) });
  }

  /** Logs, serves and gossips a message; returns its bytes. */
  publish(message: Exclude<SequencerMessage, { readonly kind: 'heartbeat' }>): Bytes {
    const bytes = encodeSequencerMessage(message);
    this.#chain.append(bytes);
    this.#network.gossip.publish(message.kind === 'blockSeal' ? 'seals' : 'mini-blocks', bytes);
    return bytes;
  }

  /** Serves an attestation with the range that it belongs to; it is not gossiped. */
  serveAttestation(attestation: Attestation): void {
    this.#chain.appendAttestation(encodeAttestationRecord(attestation));
  }

  /** Passes on what a prover said, as any peer may. */
  gossipAttestation(attestation: Attestation): void {
    this.#network.gossip.publish('attestations', encodeAttestation(attestation));
  }

  /** Serves the witness of a block on request; it is not gossiped. */
  serveWitness(blockNumber: number, witness: Bytes): void {
    this.#chain.witnesses.set(blockNumber, witness);
  }

  #beat(): void {
    const { number, digest } = this.#chain.head();
    const { genesisHash } = this.#identity;
    const unsigned = { genesisHash, epoch: EPOCH, number, digest, timestampUs: Date.now() * 1_000 };
    const heartbeat = withSignature(unsigned, heartbeatDigest(unsigned), this.#signer);
    this.#network.gossip.publish('mini-blocks', encodeSequencerMessage({ kind: 'heartbeat', heartbeat }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#network.stop();
  }
}

/** What peers are served: records in log order, and witnesses. */
class ServedChain {
  readonly witnesses = new Map<number, Bytes>();
  readonly #records: { readonly number: number; readonly bytes: Bytes }[] = [];
  #head: PeerHead;

  constructor({ genesisHash }: ChainIdentity) {
    this.#head = { epoch: EPOCH, number: 0, digest: genesisHash };
  }

  append(bytes: Bytes): void {
    const message = decodeSequencerMessage(bytes);
    if (message.kind === 'heartbeat') return;
    this.#records.push({ number: recordNumber(message), bytes });
    if (message.kind !== 'miniBlock') return;
    const { envelope, digest } = message.miniBlock;
    this.#head = { epoch: EPOCH, number: envelope.number, digest };
  }

  appendAttestation(bytes: Bytes): void {
    this.#records.push({ number: this.#head.number, bytes });
  }

  head(): PeerHead {
    return this.#head;
  }

  async *range(from: number): AsyncIterable<Bytes> {
    for (const { number, bytes } of [...this.#records]) if (number >= from) yield bytes;
  }

  async witness(blockNumber: number): Promise<Bytes | undefined> {
    return this.witnesses.get(blockNumber);
  }
}
