import { join } from 'node:path';
import { createIdentity } from '../../../src/network/identity.ts';
import type { NetworkNode } from '../../../src/network/network-node.ts';
import { createThreadedNetworkNode } from '../../../src/network/network-thread.ts';
import type { Attestation } from '../../../src/protocol/attestation.ts';
import type { ChainIdentity } from '../../../src/protocol/genesis.ts';
import { HEARTBEAT_INTERVAL_MS } from '../../../src/protocol/limits.ts';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type { PeerSource, SnapshotSource } from '../../../src/protocol/ports/network.ts';
import { heartbeatDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../../src/protocol/signing.ts';
import { ServedSnapshots } from '../../../src/store/snapshot/snapshot-source.ts';
import { defined } from '../../support/defined.ts';
import { PublishedChain } from '../replica-stream/published-chain.ts';
import type { StreamReader } from '../replica-stream/stream-file.ts';

/** What a peer gave to others, bytes. */
export interface SentBytes {
  /** Chunks and manifests. */
  snapshot: number;
  /** Log records. */
  range: number;
}

export interface ServingPeerOptions {
  readonly identity: ChainIdentity;
  readonly folder: string;
  /** Oldest mini-block in its log. */
  readonly logFirst: number;
  readonly attestations: readonly Attestation[];
}

/** A node that has the whole chain, its newest part in its log, and a snapshot, and serves them. */
export class ServingPeer implements AsyncDisposable {
  readonly address: string;
  readonly sent: SentBytes;
  readonly #network: NetworkNode;
  readonly #served: ServedSnapshots;
  readonly #heartbeat: NodeJS.Timeout | undefined;

  private constructor(parts: {
    readonly network: NetworkNode;
    readonly served: ServedSnapshots;
    readonly sent: SentBytes;
    readonly beat: NodeJS.Timeout | undefined;
  }) {
    this.address = defined(parts.network.addresses()[0]);
    this.sent = parts.sent;
    this.#network = parts.network;
    this.#served = parts.served;
    this.#heartbeat = parts.beat;
  }

  /** @param sequencer given: it also sends the sequencer's signs of life */
  static async start(options: ServingPeerOptions, reader: StreamReader, sequencer?: Signer): Promise<ServingPeer> {
    const { identity, folder, logFirst, attestations } = options;
    const chain = new PublishedChain(reader, identity.genesisHash);
    for (const record of reader.index.records) if (record.number >= logFirst) chain.add(record);
    const served = new ServedSnapshots(
      { directory: join(folder, 'snapshots') },
      { chain: { attestations: async () => attestations }, log: { firstNumber: () => logFirst } },
    );
    const sent: SentBytes = { snapshot: 0, range: 0 };
    const source = countingSource(chain, served, sent);
    const { privateKey } = await createIdentity();
    const network = createThreadedNetworkNode(
      { identity, privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] },
      { source },
    );
    await network.start();
    const beat =
      sequencer === undefined
        ? undefined
        : setInterval(() => sendHeartbeat(network, chain, identity, sequencer), HEARTBEAT_INTERVAL_MS);
    return new ServingPeer({ network, served, sent, beat });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#network.stop();
    await this.#served.close();
  }
}

function countingSource(chain: PublishedChain, served: SnapshotSource, sent: SentBytes): PeerSource {
  const noted = <Result extends Uint8Array | undefined>(bytes: Result): Result => {
    sent.snapshot += bytes?.length ?? 0;
    return bytes;
  };
  return {
    head: () => chain.head(),
    witness: () => chain.witness(),
    range: async function* (from, limit) {
      for await (const record of chain.range(from, limit)) {
        sent.range += record.length;
        yield record;
      }
    },
    snapshots: {
      offers: () => served.offers(),
      manifest: async (digest) => noted(await served.manifest(digest)),
      chunk: async (digest, index) => noted(await served.chunk(digest, index)),
    },
  };
}

function sendHeartbeat(network: NetworkNode, chain: PublishedChain, { genesisHash }: ChainIdentity, signer: Signer): void {
  const unsigned = { genesisHash, ...chain.head(), timestampUs: Date.now() * 1_000 };
  const heartbeat = withSignature(unsigned, heartbeatDigest(unsigned), signer);
  network.gossip.publish('mini-blocks', encodeSequencerMessage({ kind: 'heartbeat', heartbeat }));
}
