import { type Bytes, bigIntToBytes32, concatBytes, fromText } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { SIGNATURE_BYTES, type Signature } from '../util/signature.ts';
import { MAX_MESSAGE_ITEMS } from './limits.ts';
import type { Hash } from './primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from './rlp.ts';

/**
 * Kinds of proof, append-only: 1 = signed re-execution. It is a signature of someone who executed the block again
 * from its witness, and no zero-knowledge proof.
 */
export const PROOF_TYPE_REEXECUTION = 1;

/** A prover's signed statement about one block (PROTOCOL section 7, shape after EIP-8025). */
export interface Attestation {
  readonly proofType: number;
  readonly blockNumber: number;
  readonly blockHash: Hash;
  readonly preStateRoot: Hash;
  readonly postStateRoot: Hash;
  readonly stateDiffDigest: Hash;
  readonly receiptsRoot: Hash;
  readonly lastMiniBlockDigest: Hash;
  /** False: re-execution gave another result, whose roots stand here. */
  readonly success: boolean;
  readonly signature: Signature;
}

/** proofType is a uint32 where a contract checks the signature. */
const MAX_PROOF_TYPE = 0xffff_ffff;

export type UnsignedAttestation = Omit<Attestation, 'signature'>;

const hashText = (value: string): Hash => keccak256(fromText(value));

const DOMAIN_TYPE_HASH = hashText('EIP712Domain(string name,string version,uint256 chainId,bytes32 salt)');
const ATTESTATION_TYPE_HASH = hashText(
  'Attestation(uint32 proofType,uint64 blockNumber,bytes32 blockHash,bytes32 preStateRoot,bytes32 postStateRoot,' +
    'bytes32 stateDiffDigest,bytes32 receiptsRoot,bytes32 lastMiniBlockDigest,bool success)',
);

export interface AttestationDomain {
  readonly chainId: number;
  /** The salt of the EIP-712 domain. */
  readonly genesisHash: Hash;
}

/** The EIP-712 digest that a prover signs, so that a contract can check it with ecrecover. */
export function attestationDigest(attestation: UnsignedAttestation, domain: AttestationDomain): Hash {
  const separator = keccak256(
    concatBytes(
      DOMAIN_TYPE_HASH,
      hashText('Strobe Attestation'),
      hashText('1'),
      bigIntToBytes32(BigInt(domain.chainId)),
      domain.genesisHash,
    ),
  );
  const struct = keccak256(
    concatBytes(
      ATTESTATION_TYPE_HASH,
      word(attestation.proofType),
      word(attestation.blockNumber),
      attestation.blockHash,
      attestation.preStateRoot,
      attestation.postStateRoot,
      attestation.stateDiffDigest,
      attestation.receiptsRoot,
      attestation.lastMiniBlockDigest,
      word(attestation.success ? 1 : 0),
    ),
  );
  return keccak256(concatBytes(Uint8Array.of(0x19, 0x01), separator, struct));
}

function word(value: number): Bytes {
  return bigIntToBytes32(BigInt(value));
}

export function encodeAttestation(attestation: Attestation): Bytes {
  return encodeRlp([
    fromNumber(attestation.proofType),
    fromNumber(attestation.blockNumber),
    attestation.blockHash,
    attestation.preStateRoot,
    attestation.postStateRoot,
    attestation.stateDiffDigest,
    attestation.receiptsRoot,
    attestation.lastMiniBlockDigest,
    fromNumber(attestation.success ? 1 : 0),
    attestation.signature,
  ]);
}

/** @throws StrobeError INVALID_RLP, INVALID_ATTESTATION */
export function decodeAttestation(bytes: Bytes): Attestation {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'attestation', 10);
  const hash = (index: number, name: string): Hash => asBytes(fields[index] as RlpItem, name, 32);
  const success = asNumber(fields[8], 'success');
  if (success > 1) throw new StrobeError('INVALID_ATTESTATION', 'success is 0 or 1');
  const proofType = asNumber(fields[0], 'proofType');
  if (proofType > MAX_PROOF_TYPE) throw new StrobeError('INVALID_ATTESTATION', 'proofType is above 2^32 - 1');
  return {
    proofType,
    blockNumber: asNumber(fields[1], 'blockNumber'),
    blockHash: hash(2, 'blockHash'),
    preStateRoot: hash(3, 'preStateRoot'),
    postStateRoot: hash(4, 'postStateRoot'),
    stateDiffDigest: hash(5, 'stateDiffDigest'),
    receiptsRoot: hash(6, 'receiptsRoot'),
    lastMiniBlockDigest: hash(7, 'lastMiniBlockDigest'),
    success: success === 1,
    signature: asBytes(fields[9], 'signature', SIGNATURE_BYTES),
  };
}
