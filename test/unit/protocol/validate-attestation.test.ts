import { expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { PROOF_VERIFIERS } from '../../../src/protocol/proof-types.ts';
import { type AttestationContext, validateAttestation } from '../../../src/protocol/validate-attestation.ts';
import { reject } from '../../../src/protocol/verdict.ts';
import { bytesEqual, concatBytes, toKey } from '../../../src/util/bytes.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';

const chain = new ReplicaFixture();
const block = chain.block();

function contextWith(changes: Partial<AttestationContext> = {}): AttestationContext {
  return {
    identity: chain.identity,
    provers: chain.genesis.provers,
    oldestBlock: 1,
    newestBlock: 1,
    isKnown: () => false,
    isExcluded: () => false,
    ...changes,
  };
}

test('the same words under another signature are a duplicate', () => {
  const attestation = chain.attestation(block, 0);
  const first = validateAttestation(encodeAttestation(attestation), contextWith());
  expect(first.verdict).toEqual({ kind: 'accept' });
  const known = toKey(first.message?.statement ?? new Uint8Array(0));
  // Bytes that hash differently: what another signature of the same words looks like to whoever compares ids.
  const isKnown = (id: Uint8Array): boolean => toKey(id) === known;
  const again = validateAttestation(encodeAttestation(attestation), contextWith({ isKnown }));
  expect(again.verdict).toEqual({ kind: 'ignore', code: 'DUPLICATE' });
  const other = validateAttestation(encodeAttestation(chain.attestation(block, 1)), contextWith({ isKnown }));
  expect(other.verdict).toEqual({ kind: 'accept' });
  const changed = validateAttestation(
    encodeAttestation(chain.attestation(block, 0, { success: false })),
    contextWith({ isKnown }),
  );
  expect(changed.verdict).toEqual({ kind: 'accept' });
});

test('a proof type that is not known is ignored, and a known one is checked by its own rule', () => {
  const bytes = encodeAttestation(chain.attestation(block, 0, { proofType: 7 }));
  expect(validateAttestation(bytes, contextWith()).verdict).toEqual({ kind: 'ignore', code: 'UNKNOWN_PROOF_TYPE' });
  const badProof = { name: 'toy', check: () => reject('BAD_PROOF') };
  const proofTypes = new Map([...PROOF_VERIFIERS, [7, badProof] as const]);
  expect(validateAttestation(bytes, contextWith({ proofTypes })).verdict).toEqual({ kind: 'reject', code: 'BAD_PROOF' });
  const stub = encodeAttestation(chain.attestation(block, 0));
  expect(validateAttestation(stub, contextWith({ proofTypes })).verdict).toEqual({ kind: 'accept' });
});

test('a bad signature is a reject whatever the proof type says', () => {
  const attestation = { ...chain.attestation(block, 0), proofType: 7 };
  expect(validateAttestation(encodeAttestation(attestation), contextWith()).verdict).toEqual(reject('UNKNOWN_SIGNER'));
  const cut = encodeAttestation(attestation).subarray(1);
  expect(validateAttestation(cut, contextWith()).verdict.kind).toBe('reject');
  expect(validateAttestation(concatBytes(cut, cut), contextWith()).verdict.kind).toBe('reject');
});

test('an excluded prover is ignored', () => {
  const isExcluded = (prover: Uint8Array): boolean => bytesEqual(prover, chain.provers[0]?.address ?? prover);
  const verdictOf = (prover: number) =>
    validateAttestation(encodeAttestation(chain.attestation(block, prover)), contextWith({ isExcluded })).verdict;
  expect(verdictOf(0)).toEqual({ kind: 'ignore', code: 'EXCLUDED_PROVER' });
  expect(verdictOf(1)).toEqual({ kind: 'accept' });
});
