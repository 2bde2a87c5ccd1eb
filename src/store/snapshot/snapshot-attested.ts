import type { Attestation } from '../../protocol/attestation.ts';
import { agreesWith } from '../../protocol/attestation-agreement.ts';
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
  const isOfIt =
    seal !== undefined &&
    parent !== undefined &&
    attestation.blockNumber === header.number &&
    agreesWith(attestation, { seal, hash: blockHash, preStateRoot: parent.stateRoot });
  if (!isOfIt) throw invalidSnapshot(file, 'what provers attested is another block or result');
}
