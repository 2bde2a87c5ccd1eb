import { type Attestation, attestationDigest } from '../protocol/attestation.ts';
import { bytesEqual, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { SIGNATURE_BYTES } from '../util/signature.ts';
import type { HashedHeader } from './block-header-json.ts';
import { asArray, asCount, asData, asObject } from './json-fields.ts';
import type { Trust } from './options.ts';
import { recoverSigner } from './recover-signer.ts';

/** Provers that attested a block; those who are not known, or signed something else, do not count. */
export interface AttestedBy {
  readonly provers: ReadonlySet<string>;
  /** Attestations in the node's answer. */
  readonly given: number;
}

/** Each prover signs once, or a few times after disagreements; recovering a key takes a millisecond or two. */
const ATTESTATIONS_PER_PROVER = 4;

/** @throws StrobeError VERIFICATION_FAILED when the answer is no list of attestations */
export function countProvers(answer: unknown, block: HashedHeader, trust: Trust): AttestedBy {
  const items = asArray(answer, 'attestations', Number.MAX_SAFE_INTEGER);
  const agreeing = items.map(readAttestation).filter((attestation) => agrees(attestation, block, trust));
  const provers = new Set<string>();
  for (const attestation of agreeing.slice(0, trust.provers.size * ATTESTATIONS_PER_PROVER)) {
    const signer = signerOf(attestation, trust);
    if (signer !== undefined && trust.provers.has(signer)) provers.add(signer);
    if (provers.size >= trust.threshold) break;
  }
  return { provers, given: items.length };
}

function readAttestation(value: unknown): Attestation {
  const item = asObject(value, 'attestation');
  return {
    proofType: asCount(item['proofType'], 'proofType'),
    blockNumber: asCount(item['blockNumber'], 'blockNumber'),
    blockHash: asData(item['blockHash'], 'blockHash', 32),
    preStateRoot: asData(item['preStateRoot'], 'preStateRoot', 32),
    postStateRoot: asData(item['postStateRoot'], 'postStateRoot', 32),
    stateDiffDigest: asData(item['stateDiffDigest'], 'stateDiffDigest', 32),
    receiptsRoot: asData(item['receiptsRoot'], 'receiptsRoot', 32),
    lastMiniBlockDigest: asData(item['lastMiniBlockDigest'], 'lastMiniBlockDigest', 32),
    success: item['success'] === true,
    signature: asData(item['signature'], 'signature', SIGNATURE_BYTES),
  };
}

function agrees(attestation: Attestation, { header, hash }: HashedHeader, trust: Trust): boolean {
  return (
    attestation.success &&
    trust.proofTypes.includes(attestation.proofType) &&
    attestation.blockNumber === header.number &&
    bytesEqual(attestation.blockHash, hash) &&
    bytesEqual(attestation.postStateRoot, header.stateRoot) &&
    bytesEqual(attestation.receiptsRoot, header.receiptsRoot)
  );
}

/** Undefined: nobody signed that. */
function signerOf(attestation: Attestation, trust: Trust): string | undefined {
  try {
    return toKey(recoverSigner(attestationDigest(attestation, trust), attestation.signature));
  } catch (error) {
    if (isStrobeError(error, 'INVALID_SIGNATURE')) return undefined;
    throw error;
  }
}
