import { type Bytes, concatBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { type Attestation, decodeAttestation, encodeAttestation } from './attestation.ts';

/**
 * First byte of an attestation in the answer to a range request: it follows the kinds of log-record.ts (1 to 4), but
 * is no record of the log and never travels on the sequencer's topics. A node that joins late learns old attestations
 * from it, since gossip does not repeat them.
 */
const ATTESTATION_RECORD = 5;

export function isAttestationRecord(record: Bytes): boolean {
  return record[0] === ATTESTATION_RECORD;
}

export function encodeAttestationRecord(attestation: Attestation): Bytes {
  return concatBytes(Uint8Array.of(ATTESTATION_RECORD), encodeAttestation(attestation));
}

/** The bytes of the attestation, as they travel on its own topic. @throws StrobeError UNKNOWN_MESSAGE */
export function attestationRecordPayload(record: Bytes): Bytes {
  if (!isAttestationRecord(record)) {
    throw new StrobeError('UNKNOWN_MESSAGE', 'not an attestation record', { kind: record[0] ?? null });
  }
  return record.subarray(1);
}

/** @throws StrobeError UNKNOWN_MESSAGE, INVALID_RLP, INVALID_ATTESTATION */
export function decodeAttestationRecord(record: Bytes): Attestation {
  return decodeAttestation(attestationRecordPayload(record));
}
