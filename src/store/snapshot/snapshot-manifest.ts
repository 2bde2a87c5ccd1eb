import { decodeHeader, encodeHeader, hashHeader } from '../../protocol/block-header.ts';
import { decodeMiniBlock, encodeMiniBlock, type MiniBlock } from '../../protocol/mini-block.ts';
import type { RegistryMark } from '../../protocol/ports/state.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from '../../protocol/rlp.ts';
import { decodeBlockSeal, decodeEpochStart, encodeBlockSeal, encodeEpochStart } from '../../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES, fromText } from '../../util/bytes.ts';
import { errorMessage, isStrobeError } from '../../util/errors.ts';
import { assertManifestFits } from './manifest-checks.ts';
import { invalidSnapshot } from './snapshot-errors.ts';
import type { SnapshotChunk, SnapshotHead, SnapshotManifest, SnapshotPoint } from './snapshot-types.ts';

/** What writing the state adds to a point. */
export type SnapshotContents = Pick<SnapshotManifest, 'mark' | 'chunks' | 'createdAtMs'>;

const TAG = fromText('strobe/snapshot/1');

/** @throws StrobeError INVALID_SNAPSHOT when the parts do not belong together; `file` is for its text */
export function createManifest(point: SnapshotPoint, contents: SnapshotContents, file: string): SnapshotManifest {
  const header = point.headers.at(-1);
  if (header === undefined) throw invalidSnapshot(file, 'it has no header');
  const { genesisHash, chainId, head, last, seal, headers, epochStarts } = point;
  const manifest: SnapshotManifest = {
    ...{ genesisHash, chainId, head, last, seal, headers, epochStarts, header },
    ...contents,
    blockHash: hashHeader(header),
    stateBytes: contents.chunks.reduce((sum, { length }) => sum + length, 0),
  };
  assertManifestFits(manifest, file);
  return manifest;
}

export function encodeManifest(manifest: SnapshotManifest): Bytes {
  const { genesisHash, chainId, last, seal, headers, epochStarts, mark, chunks, createdAtMs } = manifest;
  return encodeRlp([
    TAG,
    genesisHash,
    fromNumber(chainId),
    last === undefined ? EMPTY_BYTES : encodeMiniBlock(last),
    seal === undefined ? EMPTY_BYTES : encodeBlockSeal(seal),
    headers.map(encodeHeader),
    epochStarts.map(encodeEpochStart),
    [fromNumber(mark.accounts), fromNumber(mark.slots), mark.digest],
    chunks.map(({ length, hash }) => [fromNumber(length), hash]),
    fromNumber(createdAtMs),
  ]);
}

/** Signatures are not checked here. @throws StrobeError INVALID_SNAPSHOT */
export function decodeManifest(bytes: Bytes, file: string): SnapshotManifest {
  try {
    return parseManifest(bytes, file);
  } catch (error) {
    if (!isStrobeError(error) || isStrobeError(error, 'INVALID_SNAPSHOT')) throw error;
    throw invalidSnapshot(file, `its manifest is damaged: ${errorMessage(error)}`);
  }
}

function parseManifest(bytes: Bytes, file: string): SnapshotManifest {
  const fields = asList(decodeRlp(bytes), 'manifest', 10);
  const [tag, genesis, chainId, lastItem, seal, headers, epochStarts, mark, chunks, createdAtMs] = fields;
  if (!bytesEqual(asBytes(tag, 'tag'), TAG)) throw invalidSnapshot(file, 'its manifest is of another kind');
  const genesisHash = asBytes(genesis, 'genesisHash', 32);
  const lastBytes = asBytes(lastItem, 'last mini-block');
  const last = lastBytes.length === 0 ? undefined : decodeMiniBlock(lastBytes);
  const sealBytes = asBytes(seal, 'seal');
  const point: SnapshotPoint = {
    genesisHash,
    chainId: asNumber(chainId, 'chainId'),
    head: headOf(last, genesisHash),
    last,
    seal: sealBytes.length === 0 ? undefined : decodeBlockSeal(sealBytes),
    headers: asList(headers, 'headers').map((item) => decodeHeader(asBytes(item, 'header'))),
    epochStarts: asList(epochStarts, 'epochStarts').map((item) => decodeEpochStart(asBytes(item, 'epoch start'))),
  };
  const contents = {
    mark: parseMark(mark),
    chunks: asList(chunks, 'chunks').map(parseChunk),
    createdAtMs: asNumber(createdAtMs, 'createdAtMs'),
  };
  return createManifest(point, contents, file);
}

function headOf(last: MiniBlock | undefined, genesisHash: Hash): SnapshotHead {
  if (last === undefined) return { epoch: 0, number: 0, digest: genesisHash, timestampUs: 0 };
  const { epoch, number, timestampUs } = last.envelope;
  return { epoch, number, digest: last.digest, timestampUs };
}

function parseMark(item: RlpItem | undefined): RegistryMark {
  const [accounts, slots, digest] = asList(item, 'mark', 3);
  return {
    accounts: asNumber(accounts, 'accounts'),
    slots: asNumber(slots, 'slots'),
    digest: asBytes(digest, 'registry digest', 32),
  };
}

function parseChunk(item: RlpItem): SnapshotChunk {
  const [length, hash] = asList(item, 'chunk', 2);
  return { length: asNumber(length, 'length'), hash: asBytes(hash, 'chunk hash', 32) };
}
