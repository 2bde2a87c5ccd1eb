import { encodeAttestation } from '../../src/protocol/attestation.ts';
import { hashHeader } from '../../src/protocol/block-header.ts';
import type { ChainIdentity } from '../../src/protocol/genesis.ts';
import type { SnapshotOffer, SnapshotPeers, SnapshotSource } from '../../src/protocol/ports/network.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import { blockSealDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { createStateDiff } from '../../src/protocol/state-diff.ts';
import { stateRootOf } from '../../src/state/state-root.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { contentDigest } from '../../src/store/snapshot/content-digest.ts';
import { withSnapshotFile } from '../../src/store/snapshot/snapshot-file.ts';
import { decodeManifest, encodeManifest } from '../../src/store/snapshot/snapshot-manifest.ts';
import { SnapshotStore } from '../../src/store/snapshot/snapshot-store.ts';
import type { SnapshotManifest } from '../../src/store/snapshot/snapshot-types.ts';
import { type Bytes, bytesEqual } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';
import { Forgeries } from './forgeries.ts';
import { testSigner } from './test-accounts.ts';

/**
 * What is false of a snapshot. `false-state`: balances, under a manifest that agrees with its chunks; `false-manifest`: the
 * block too, which fits the balances and is signed by a stranger; `false-chunks`: chunks differ from the honest manifest;
 * `unattested-state`: false balances of a block that nobody but a stranger attested, the newest of all.
 */
export const FALSEHOODS = ['false-state', 'false-manifest', 'false-chunks', 'unattested-state'] as const;
export type Falsehood = (typeof FALSEHOODS)[number];

/** Everything about one snapshot. */
interface WholeSnapshot {
  readonly offer: SnapshotOffer;
  readonly manifest: SnapshotManifest;
  readonly chunks: readonly Bytes[];
}

const STOLEN_WEI = 10n ** 24n;
/** Of the false chunks: several. */
const CHUNK_BYTES = 1_000;
/** Above what any other peer can offer. */
const BLOCKS_AHEAD = 1_000;

/** The newest attested snapshot of a peer, undefined when it has none. */
export async function takeSnapshot(peers: SnapshotPeers): Promise<WholeSnapshot | undefined> {
  for (const { peer, snapshots } of await peers.offers()) {
    const offer = snapshots.find(({ attestations }) => attestations.length > 0);
    if (offer === undefined) continue;
    const manifest = decodeManifest(await peers.manifest(peer, offer.contentDigest, offer.manifestBytes), 'of a peer');
    const chunks: Bytes[] = [];
    for (const [index, { length }] of manifest.chunks.entries()) {
      chunks.push(await peers.chunk(peer, offer.contentDigest, index, length));
    }
    return { offer, manifest, chunks };
  }
  return undefined;
}

/** Turns an honest snapshot into a false one. */
export function falsify(honest: WholeSnapshot, falsehood: Falsehood, identity: ChainIdentity): WholeSnapshot {
  if (falsehood === 'false-chunks') return { ...honest, chunks: honest.chunks.map(garbled) };
  const state = withStolenMoney(honest);
  const chunks = [...defined(state.snapshot(state.number)).chunks(CHUNK_BYTES)].map((chunk) => chunk.slice());
  const listed = chunks.map((chunk) => ({ length: chunk.length, hash: keccak256(chunk) }));
  const ofChunks = { ...honest.manifest, chunks: listed };
  const manifest = falsehood === 'false-manifest' ? withOwnBlock(ofChunks, stateRootOf(state)) : ofChunks;
  const offer: SnapshotOffer = {
    ...honest.offer,
    contentDigest: contentDigest(manifest),
    manifestBytes: encodeManifest(manifest).length,
  };
  if (falsehood !== 'unattested-state') return { offer, manifest, chunks };
  const blockNumber = offer.blockNumber + BLOCKS_AHEAD;
  const forged = new Forgeries(identity).attestation(blockNumber);
  const attestations = [encodeAttestation(forged), ...offer.attestations];
  return { offer: { ...offer, blockNumber, blockHash: forged.blockHash, attestations }, manifest, chunks };
}

/** Offers a snapshot whose parts need not belong together; `note` is told what is asked for. */
export function sourceOfFalse(
  { offer, manifest, chunks }: WholeSnapshot,
  note: (what: 'offers' | 'manifest' | 'chunk') => void,
): SnapshotSource {
  const isIt = (digest: Bytes): boolean => bytesEqual(digest, offer.contentDigest);
  return {
    offers: async () => {
      note('offers');
      return { logFirst: manifest.head.number + 1, snapshots: [offer] };
    },
    manifest: async (digest) => {
      note('manifest');
      return isIt(digest) ? encodeManifest(manifest) : undefined;
    },
    chunk: async (digest, index) => {
      note('chunk');
      return isIt(digest) ? chunks[index] : undefined;
    },
  };
}

/** Puts a false state into a stopped node's newest snapshot, which is whole by all its checksums. @returns its block */
export async function falsifyNewest(directory: string, genesisHash: Hash): Promise<number> {
  const store = await SnapshotStore.open({ directory, genesisHash });
  const { path } = defined(await store.newest());
  const honest = await withSnapshotFile(path, async (file) => {
    const chunks = await Promise.all(file.manifest.chunks.map((_, index) => file.chunk(index)));
    return { manifest: file.manifest, chunks };
  });
  const state = withStolenMoney(honest);
  await store.write(honest.manifest, defined(state.snapshot(state.number)));
  return honest.manifest.header.number;
}

/** The state of a snapshot with more money on every account that has any: same keys, so that the registry is right. */
function withStolenMoney({ manifest, chunks }: Pick<WholeSnapshot, 'manifest' | 'chunks'>): StateTable {
  const state = new StateTable();
  const loader = state.loader();
  for (const chunk of chunks) loader.add(chunk);
  loader.finish(manifest.head.number - 1, manifest.mark);
  const rich = [...state.entries()].filter(({ account }) => account.balance > 0n);
  const richer = rich.map(({ address, account }) => ({ address, balance: account.balance + STOLEN_WEI }));
  state.apply(createStateDiff(richer, []), manifest.head.number);
  return state;
}

/** The block of a manifest with another state root, signed by whom nobody knows. */
function withOwnBlock(manifest: SnapshotManifest, stateRoot: Bytes): SnapshotManifest {
  const header = { ...manifest.header, stateRoot };
  const unsigned = { ...defined(manifest.seal), header };
  const seal = withSignature(unsigned, blockSealDigest(unsigned), testSigner('stranger'));
  return { ...manifest, header, headers: [...manifest.headers.slice(0, -1), header], blockHash: hashHeader(header), seal };
}

function garbled(chunk: Bytes): Bytes {
  const copy = chunk.slice();
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}
