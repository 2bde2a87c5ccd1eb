import type { Attestation } from '../../protocol/attestation.ts';
import { bytesEqual } from '../../util/bytes.ts';
import { invalidSnapshot } from './snapshot-errors.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

/**
 * Checks that an attestation is of the very block of a manifest: its header, its seal, and the state in front of it.
 * Who signed it is not looked at.
 * @throws StrobeError INVALID_SNAPSHOT
 */
export function assertAttests(
  attestation: Attestation,
  { seal, header, headers, blockHash }: SnapshotManifest,
  file: string,
): void {
  const parent = headers.at(-2);
  const agrees =
    seal !== undefined &&
    parent !== undefined &&
    attestation.success &&
    attestation.blockNumber === header.number &&
    bytesEqual(attestation.blockHash, blockHash) &&
    bytesEqual(attestation.preStateRoot, parent.stateRoot) &&
    bytesEqual(attestation.postStateRoot, header.stateRoot) &&
    bytesEqual(attestation.stateDiffDigest, seal.stateDiffDigest) &&
    bytesEqual(attestation.receiptsRoot, header.receiptsRoot) &&
    bytesEqual(attestation.lastMiniBlockDigest, seal.lastDigest);
  if (!agrees) throw invalidSnapshot(file, 'what provers attested is another block or result');
}
