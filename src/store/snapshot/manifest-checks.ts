import { hashHeader } from '../../protocol/block-header.ts';
import { bytesEqual } from '../../util/bytes.ts';
import { invalidSnapshot } from './snapshot-errors.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS } from './snapshot-format.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

/** Headers that BLOCKHASH reaches from the next block (Yellow Paper, section H.2). */
const MIN_HEADERS = 256;
/** More than a node keeps at hand: the BLOCKHASH window behind the oldest state that calls may ask for. */
const MAX_HEADERS = 1_024;
/** Each start of a sequencer is an epoch: decades of daily ones. */
const MAX_EPOCH_STARTS = 65_536;

/** The last moment that a Date can be (ECMA-262, section 21.4.1.1). */
const MAX_TIME_MS = 8.64e15;

/**
 * Checks that the parts of a manifest are of one chain and one block, and within bounds. Who signed them is not looked at.
 * @throws StrobeError INVALID_SNAPSHOT
 */
export function assertManifestFits(manifest: SnapshotManifest, file: string): void {
  const problem =
    headersProblem(manifest) ??
    sealProblem(manifest) ??
    lastProblem(manifest) ??
    epochsProblem(manifest) ??
    chunksProblem(manifest);
  if (problem !== undefined) throw invalidSnapshot(file, problem);
}

function headersProblem({ headers, header, genesisHash }: SnapshotManifest): string | undefined {
  if (headers.length > MAX_HEADERS) return 'it has too many headers';
  if (headers.length < Math.min(MIN_HEADERS, header.number + 1)) return 'headers that BLOCKHASH needs are missing';
  let parent: Uint8Array | undefined;
  for (const [index, each] of headers.entries()) {
    const follows = parent === undefined || bytesEqual(each.parentHash, parent);
    if (!follows || each.number !== header.number - headers.length + 1 + index) return 'its headers are no chain';
    parent = hashHeader(each);
    if (each.number === 0 && !bytesEqual(parent, genesisHash)) return 'its block 0 is not its genesis';
  }
  return undefined;
}

function sealProblem({ seal, head, header, blockHash, genesisHash, mark }: SnapshotManifest): string | undefined {
  if (seal === undefined) {
    const isGenesis = header.number === 0 && head.number === 0 && bytesEqual(head.digest, genesisHash);
    return isGenesis ? undefined : 'its block has no seal';
  }
  const fits =
    bytesEqual(seal.genesisHash, genesisHash) &&
    bytesEqual(hashHeader(seal.header), blockHash) &&
    seal.lastNumber === head.number &&
    bytesEqual(seal.lastDigest, head.digest) &&
    bytesEqual(seal.registryDigest, mark.digest);
  return fits ? undefined : 'its seal is of another block or state';
}

/** The seal names the mini-block by its digest, so what the head says is signed with it. */
function lastProblem({ seal, last, head, header, genesisHash, chainId }: SnapshotManifest): string | undefined {
  if (seal === undefined || last === undefined) {
    return seal === last ? undefined : 'its seal and its last mini-block do not come together';
  }
  const { envelope, digest } = last;
  const fits =
    bytesEqual(envelope.genesisHash, genesisHash) &&
    envelope.chainId === chainId &&
    envelope.blockNumber === header.number &&
    envelope.epoch === head.epoch &&
    envelope.number === head.number &&
    envelope.timestampUs === head.timestampUs &&
    bytesEqual(digest, head.digest);
  return fits ? undefined : 'its last mini-block is of another block';
}

function epochsProblem({ epochStarts, genesisHash, head }: SnapshotManifest): string | undefined {
  if (epochStarts.length > MAX_EPOCH_STARTS) return 'it has too many epochs';
  let newest = { epoch: -1, lastNumber: 0 };
  for (const start of epochStarts) {
    const { epoch, lastNumber } = start;
    const follows = epoch > newest.epoch && lastNumber >= newest.lastNumber && bytesEqual(start.genesisHash, genesisHash);
    // What stands in front of the head is not above its epoch, and what opened behind it names it.
    const fits = epoch > head.epoch ? bytesEqual(start.lastDigest, head.digest) : true;
    if (!follows || !fits || lastNumber > head.number) return 'its epochs do not lead to its block';
    newest = start;
  }
  return undefined;
}

function chunksProblem({ chunks, stateBytes, createdAtMs }: SnapshotManifest): string | undefined {
  if (createdAtMs > MAX_TIME_MS) return 'its time is no time';
  if (chunks.length > MAX_CHUNKS) return 'it has too many chunks';
  if (chunks.some(({ length }) => length > MAX_CHUNK_BYTES)) return 'a chunk is too long';
  return Number.isSafeInteger(stateBytes) ? undefined : 'its state is too large';
}
