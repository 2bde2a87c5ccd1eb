import { MAX_BLOCK_ATTESTATIONS, MAX_SNAPSHOT_FRAME_BYTES, MAX_SNAPSHOT_OFFERS } from './network-limits.ts';
import { decodeChunkRequest, decodeManifestRequest, encodeLogFirst, encodeOffer, peerProtocols } from './peer-protocols.ts';
import type { PeerServerModules } from './peer-server.ts';
import { type ServedRequest, StreamServer, serveData } from './stream-server.ts';

/** Serves offers, manifests and chunks of snapshots from the core's `SnapshotSource`. */
export class SnapshotServer {
  readonly #protocols: ReturnType<typeof peerProtocols>;
  readonly #modules: PeerServerModules;

  constructor(options: { readonly prefix: string }, modules: PeerServerModules) {
    this.#protocols = peerProtocols(options.prefix);
    this.#modules = modules;
  }

  async start(): Promise<void> {
    const server = new StreamServer(this.#modules);
    await server.handle(this.#protocols.offers, (request) => this.#serveOffers(request));
    await server.handle(this.#protocols.manifest, (request) => this.#serveManifest(request));
    await server.handle(this.#protocols.chunk, (request) => this.#serveChunk(request));
  }

  async #serveOffers({ frames }: ServedRequest): Promise<void> {
    const { logFirst, snapshots } = await this.#modules.core.call('sourceOffers');
    const offers = snapshots.slice(0, MAX_SNAPSHOT_OFFERS).map((offer) => {
      return encodeOffer({ ...offer, attestations: offer.attestations.slice(0, MAX_BLOCK_ATTESTATIONS) });
    });
    await frames.write(encodeLogFirst(logFirst), ...offers);
  }

  #serveManifest(request: ServedRequest): Promise<void> {
    const { core } = this.#modules;
    return serveData(
      request,
      decodeManifestRequest,
      (contentDigest) => core.call('sourceManifest', contentDigest),
      MAX_SNAPSHOT_FRAME_BYTES,
    );
  }

  #serveChunk(request: ServedRequest): Promise<void> {
    const { core } = this.#modules;
    return serveData(
      request,
      decodeChunkRequest,
      ({ contentDigest, index }) => core.call('sourceChunk', contentDigest, index),
      MAX_SNAPSHOT_FRAME_BYTES,
    );
  }
}
