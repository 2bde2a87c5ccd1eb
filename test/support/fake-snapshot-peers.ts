import { onTestFinished } from 'vitest';
import type { Attestation } from '../../src/protocol/attestation.ts';
import type { PeerOffers, SnapshotPeers, SnapshotSource } from '../../src/protocol/ports/network.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import { ServedSnapshots } from '../../src/store/snapshot/snapshot-source.ts';
import type { Bytes } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';

/** What a peer does with a chunk that it is asked for, in place of giving it. */
export type Misdeed = (index: number, chunk: Bytes) => Promise<Bytes>;

/** Never answers. */
export const withholds: Misdeed = () => new Promise(() => {});
/** Answers with other bytes. */
export const garbles: Misdeed = async (_, chunk) => chunk.map((byte, at) => (at === 0 ? byte ^ 1 : byte));

interface FakePeer {
  readonly source: SnapshotSource;
  readonly misdeed: Misdeed | undefined;
  /** Chunks that it was asked for. */
  readonly asked: number[];
}

/** Serves the snapshots of a directory with the attestations of a test. */
export function sourceOf(
  directory: string,
  attestations: (blockNumber: number) => readonly Attestation[],
  logFirst = 0,
): SnapshotSource {
  const served = new ServedSnapshots(
    { directory },
    { chain: { attestations: async (blockNumber) => attestations(blockNumber) }, log: { firstNumber: () => logFirst } },
  );
  onTestFinished(() => served.close());
  return served;
}

/** Peers in memory that serve snapshots, each well or badly. */
export class FakeSnapshotPeers implements SnapshotPeers {
  readonly reported: string[] = [];
  readonly #peers = new Map<string, FakePeer>();

  add(name: string, source: SnapshotSource, misdeed?: Misdeed): void {
    this.#peers.set(name, { source, misdeed, asked: [] });
  }

  leave(name: string): void {
    this.#peers.delete(name);
  }

  /** Chunks that a peer was asked for. */
  askedOf(name: string): readonly number[] {
    return this.#peer(name).asked;
  }

  offers(): Promise<readonly PeerOffers[]> {
    return Promise.all([...this.#peers].map(async ([peer, { source }]) => ({ peer, ...(await source.offers()) })));
  }

  async manifest(peer: string, contentDigest: Hash): Promise<Bytes> {
    return orNotKept(await this.#peer(peer).source.manifest(contentDigest));
  }

  async chunk(peer: string, contentDigest: Hash, index: number): Promise<Bytes> {
    const { source, misdeed, asked } = this.#peer(peer);
    asked.push(index);
    const chunk = orNotKept(await source.chunk(contentDigest, index));
    return misdeed === undefined ? chunk : misdeed(index, chunk);
  }

  report(peer: string, code: string): void {
    this.reported.push(`${peer} ${code}`);
  }

  #peer(name: string): FakePeer {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new StrobeError('STREAM_FAILED', 'the peer is gone');
    return peer;
  }
}

function orNotKept(bytes: Bytes | undefined): Bytes {
  if (bytes === undefined) throw new StrobeError('NOT_KEPT', 'not here');
  return bytes;
}
