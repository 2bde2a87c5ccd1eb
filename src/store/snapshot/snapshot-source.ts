import { basename } from 'node:path';
import { encodeAttestation } from '../../protocol/attestation.ts';
import type { ChainReader } from '../../protocol/ports/chain.ts';
import type { SnapshotSource, SyncOffers } from '../../protocol/ports/network.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { type Bytes, toKey } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import { contentDigest } from './content-digest.ts';
import { snapshotPaths } from './snapshot-directory.ts';
import { SnapshotFile } from './snapshot-file.ts';

export interface ServedSnapshotsOptions {
  /** Of the snapshots. */
  readonly directory: string;
}

export interface ServedSnapshotsModules {
  readonly chain: Pick<ChainReader, 'attestations'>;
  readonly log: { firstNumber(): number | undefined };
  /** ms of a clock that only goes forward. */
  readonly nowMs?: () => number;
}

/** Snapshots that are open at a time: those that are kept, and some that were removed while peers still read them. */
const MAX_OPEN = 6;
/** How long behind its last reader a removed snapshot is held open: longer than a slow peer takes between two chunks. */
const LEASE_MS = 120_000;
/** Time for which the directory is not looked at again: many peers may ask. */
const FRESH_MS = 1_000;

interface Served {
  readonly file: SnapshotFile;
  readonly contentDigest: Hash;
  lastReadMs: number;
}

/**
 * Serves this node's snapshots to its peers. Each is held open, so that one that is removed for a newer one is there
 * until its readers are done. Chunks go out as they lie on disk: who takes them checks them, and checking here would
 * take the time of whoever keeps the clock.
 */
export class ServedSnapshots implements SnapshotSource {
  readonly #options: ServedSnapshotsOptions;
  readonly #modules: Required<ServedSnapshotsModules>;
  /** By content, oldest first. */
  readonly #open = new Map<string, Served>();
  /** Names in the directory, newest first, with what they hold. */
  #listed = new Map<string, string>();
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(options: ServedSnapshotsOptions, modules: ServedSnapshotsModules) {
    this.#options = options;
    this.#modules = { nowMs: () => performance.now(), ...modules };
  }

  async offers(): Promise<SyncOffers> {
    const { log } = this.#modules;
    await this.#refresh();
    const snapshots = await Promise.all(
      [...this.#listed.values()].flatMap((key) => {
        const served = this.#open.get(key);
        return served === undefined ? [] : [this.#describe(served)];
      }),
    );
    return { logFirst: log.firstNumber(), snapshots };
  }

  async manifest(digest: Hash): Promise<Bytes | undefined> {
    return this.#touch(digest)?.encodedManifest;
  }

  async chunk(digest: Hash, index: number): Promise<Bytes | undefined> {
    const file = this.#touch(digest);
    if (file?.manifest.chunks[index] === undefined) return undefined;
    return file.chunk(index);
  }

  async close(): Promise<void> {
    await this.#refreshing;
    for (const { file } of this.#open.values()) await file.close();
    this.#open.clear();
    this.#listed.clear();
  }

  async #describe({ file, contentDigest }: Served) {
    const { header, blockHash } = file.manifest;
    const attestations = await this.#modules.chain.attestations(header.number);
    return {
      blockNumber: header.number,
      blockHash,
      contentDigest,
      manifestBytes: file.encodedManifest.length,
      attestations: attestations.map(encodeAttestation),
    };
  }

  #touch(digest: Hash): SnapshotFile | undefined {
    const served = this.#open.get(toKey(digest));
    if (served === undefined) return undefined;
    served.lastReadMs = this.#modules.nowMs();
    return served.file;
  }

  #refresh(): Promise<void> {
    const now = this.#modules.nowMs();
    if (now - this.#listedAtMs < FRESH_MS) return this.#refreshing ?? Promise.resolve();
    this.#listedAtMs = now;
    this.#refreshing = this.#readDirectory().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readDirectory(): Promise<void> {
    const listed = new Map<string, string>();
    for (const path of await snapshotPaths(this.#options.directory)) {
      const key = this.#listed.get(basename(path)) ?? (await this.#openOne(path));
      if (key !== undefined) listed.set(basename(path), key);
    }
    this.#listed = listed;
    await this.#closeUnread();
  }

  /** Undefined for a file that was removed meanwhile or cannot be used: whoever lists snapshots reports that. */
  async #openOne(path: string): Promise<string | undefined> {
    try {
      const file = await SnapshotFile.open(path);
      const digest = contentDigest(file.manifest);
      const key = toKey(digest);
      const known = this.#open.get(key);
      if (known !== undefined || file.manifest.seal === undefined) await file.close();
      else this.#open.set(key, { file, contentDigest: digest, lastReadMs: this.#modules.nowMs() });
      return key;
    } catch (error) {
      if (isStrobeError(error)) return undefined;
      throw error;
    }
  }

  async #closeUnread(): Promise<void> {
    const listed = new Set(this.#listed.values());
    const now = this.#modules.nowMs();
    for (const [key, { file, lastReadMs }] of this.#open) {
      const isLeased = now - lastReadMs < LEASE_MS && this.#open.size <= MAX_OPEN;
      if (listed.has(key) || isLeased) continue;
      this.#open.delete(key);
      await file.close();
    }
  }
}
