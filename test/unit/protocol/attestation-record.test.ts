import { expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import {
  attestationRecordPayload,
  decodeAttestationRecord,
  encodeAttestationRecord,
  isAttestationRecord,
} from '../../../src/protocol/attestation-record.ts';
import { decodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

test('an attestation record holds the attestation and is no message of the sequencer', () => {
  const chain = new ReplicaFixture();
  const attestation = chain.attestation(chain.block(), 0);
  const record = encodeAttestationRecord(attestation);
  expect(isAttestationRecord(record)).toBe(true);
  expect(decodeAttestationRecord(record)).toEqual(attestation);
  expect(attestationRecordPayload(record)).toEqual(encodeAttestation(attestation));
  expect(strobeCodeOf(() => decodeSequencerMessage(record))).toBe('UNKNOWN_MESSAGE');
  for (const other of chain.records) expect(isAttestationRecord(other)).toBe(false);
  expect(strobeCodeOf(() => decodeAttestationRecord(chain.records[0] as Uint8Array))).toBe('UNKNOWN_MESSAGE');
});
