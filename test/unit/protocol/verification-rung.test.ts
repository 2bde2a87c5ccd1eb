import { expect, test } from 'vitest';
import type { AttestationPolicy, BlockStatus } from '../../../src/protocol/ports/chain.ts';
import { rungOf } from '../../../src/protocol/verification-rung.ts';
import { bytesEqual } from '../../../src/util/bytes.ts';

const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array];
const commitment = new Uint8Array(32);
const policy: AttestationPolicy = { threshold: 2, proverCount: 3, isExcluded: (prover) => bytesEqual(prover, c) };

function statusWith(changes: Partial<BlockStatus>): BlockStatus {
  return {
    blockNumber: 5,
    blockHash: new Uint8Array(32),
    received: true,
    signatureVerified: true,
    rootVerified: true,
    attestedBy: [a, b],
    daCommitment: commitment,
    ...changes,
  };
}

test.each<[string, Partial<BlockStatus>]>([
  ['received', { signatureVerified: false }],
  ['signatureVerified', { rootVerified: false }],
  ['rootVerified', { attestedBy: [a] }],
  // The third prover's word counts for nothing any more.
  ['rootVerified', { attestedBy: [a, c] }],
  ['attested', { daCommitment: undefined }],
  ['daPosted', {}],
  ['attested', { blockNumber: 0, attestedBy: [], daCommitment: undefined }],
])('a block stands on %s with %o', (rung, changes) => {
  expect(rungOf(statusWith(changes), policy)).toBe(rung);
});
