import type { IncomingSnapshot, SnapshotStaging } from '../fullnode/snapshot-sync/snapshot-sync-types.ts';
import type { Attestation } from '../protocol/attestation.ts';
import { hashHeader } from '../protocol/block-header.ts';
import { MAX_SYNC_CHUNK_BYTES, MAX_SYNC_STATE_BYTES } from '../protocol/limits.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { contentDigest } from '../store/snapshot/content-digest.ts';
import { assertSigned } from '../store/snapshot/manifest-signatures.ts';
import { assertAttests } from '../store/snapshot/snapshot-attested.ts';
import { invalidSnapshot } from '../store/snapshot/snapshot-errors.ts';
import { decodeManifest } from '../store/snapshot/snapshot-manifest.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { discardStaged, StagedSnapshot } from '../store/snapshot/staged-snapshot.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { invariant, isStrobeError, StrobeError } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';
import { authorityOf } from './snapshot-trust.ts';

/** What a manifest from a peer is called in messages. */
const SOURCE = 'of a peer';

export interface FileSnapshotStagingOptions {
  readonly directory: string;
  readonly chain: GenesisChain;
}

export interface FileSnapshotStagingModules {
  /** This node's own chain. */
  readonly store: Pick<ChainReader, 'safeNumber' | 'sealOf'>;
  /** Checks a whole file, until `signal` aborts. @throws StrobeError INVALID_SNAPSHOT, STATE_ROOT_MISMATCH, THREAD_STOPPED */
  readonly check: (path: string, signal: AbortSignal) => Promise<void>;
}

/** Collects a snapshot in a folder of the data directory. */
export class FileSnapshotStaging implements SnapshotStaging {
  readonly #options: FileSnapshotStagingOptions;
  readonly #modules: FileSnapshotStagingModules;
  #staged: StagedSnapshot | undefined;

  constructor(options: FileSnapshotStagingOptions, modules: FileSnapshotStagingModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** The file that is collected. */
  get path(): string {
    invariant(this.#staged !== undefined, 'a snapshot was begun');
    return this.#staged.path;
  }

  async resume(): Promise<IncomingSnapshot | undefined> {
    await this.close();
    const staged = await StagedSnapshot.resume(this.#options.directory);
    this.#staged = staged;
    return staged === undefined ? undefined : incoming(staged);
  }

  async begin(encoded: Bytes, digest: Hash): Promise<IncomingSnapshot> {
    const manifest = decodeManifest(encoded, SOURCE);
    if (!bytesEqual(contentDigest(manifest), digest)) throw invalidSnapshot(SOURCE, 'it is another one than was offered');
    assertSigned(manifest, authorityOf(this.#options.chain), SOURCE);
    assertBounded(manifest);
    await this.#assertContinues(manifest);
    await this.close();
    this.#staged = await StagedSnapshot.create(this.#options.directory, manifest, encoded);
    return incoming(this.#staged);
  }

  async check(signal: AbortSignal): Promise<void> {
    const staged = this.#staged;
    invariant(staged !== undefined, 'a snapshot was begun');
    await staged.sync();
    try {
      await this.#modules.check(staged.path, signal);
    } catch (cause) {
      // Each chunk was right when it came: this is our own disk, and no peer's fault.
      if (!isStrobeError(cause, 'INVALID_SNAPSHOT') || cause.meta['chunk'] === undefined) throw cause;
      throw new StrobeError('SNAPSHOT_FAILED', `what was written is not what is read: ${cause.message}`, cause.meta, { cause });
    }
  }

  async discard(): Promise<void> {
    await this.close();
    await discardStaged(this.#options.directory);
  }

  async close(): Promise<void> {
    await this.#staged?.close();
    this.#staged = undefined;
  }

  /** What is safe here stays; what is not, and has gone another way than what provers attested, goes. @throws StrobeError SNAPSHOT_OF_FORK */
  async #assertContinues({ headers, header }: SnapshotManifest): Promise<void> {
    const { store } = this.#modules;
    const safe = (await store.sealOf(store.safeNumber() ?? 0))?.header;
    const other = headers.find(({ number }) => number === safe?.number);
    if (safe === undefined || other === undefined || bytesEqual(hashHeader(other), hashHeader(safe))) return;
    throw new StrobeError(
      'SNAPSHOT_OF_FORK',
      `the chain of the attested block ${header.number} has another block ${safe.number} than this node, where it is safe`,
      { block: safe.number },
    );
  }
}

/** Bounds for what strangers send: a file on disk may have larger chunks. */
function assertBounded({ chunks, stateBytes }: SnapshotManifest): void {
  if (chunks.some(({ length }) => length > MAX_SYNC_CHUNK_BYTES)) throw invalidSnapshot(SOURCE, 'a chunk is too long');
  if (stateBytes > MAX_SYNC_STATE_BYTES) throw invalidSnapshot(SOURCE, 'its state is too large');
}

function incoming(staged: StagedSnapshot): IncomingSnapshot {
  const { manifest, contentDigest: digest, path } = staged;
  return {
    contentDigest: digest,
    blockNumber: manifest.header.number,
    chunks: manifest.chunks,
    stateBytes: manifest.stateBytes,
    get bytes() {
      return staged.bytes;
    },
    get missingCount() {
      return staged.missingCount;
    },
    missing: () => staged.missing(),
    has: (index) => staged.has(index),
    add: (index, chunk) => staged.add(index, chunk),
    confirm: (attestation: Attestation) => assertAttests(attestation, manifest, path),
  };
}
