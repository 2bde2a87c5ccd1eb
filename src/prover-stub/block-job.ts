import { type BlockHeader, decodeHeader } from '../protocol/block-header.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import { decodeMiniBlock, type MiniBlock } from '../protocol/mini-block.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockSealDigest, decodeBlockSeal, splitWitness, witnessDigest } from '../protocol/sequencer-messages.ts';
import { assertSignedBy } from '../protocol/signing.ts';
import { decodeWitness, type Witness } from '../protocol/witness.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';

/** The rules of one chain that a block is judged by. Plain data, for a worker thread. */
export interface ChainRules {
  readonly chainId: number;
  readonly genesisHash: Hash;
  /** Keys that may sign as sequencer. */
  readonly sequencerKeys: readonly Address[];
  readonly gasLimit: bigint;
  readonly feeRecipient: Address;
  readonly baseFeeFloorWei: bigint;
}

export function chainRules(genesis: Genesis, identity: ChainIdentity): ChainRules {
  const { chainId, sequencerKeys, gasLimit, feeRecipient, baseFeeFloorWei } = genesis;
  return { chainId, genesisHash: identity.genesisHash, sequencerKeys, gasLimit, feeRecipient, baseFeeFloorWei };
}

/** End of the block before, when it was attested here: what the next one must continue. */
export interface PreviousBlock {
  readonly blockHash: Hash;
  readonly lastNumber: number;
  readonly lastDigest: Hash;
}

/** One block to re-execute, in its wire form (without kind bytes). */
export interface BlockJob {
  readonly seal: Bytes;
  /** From the seal's firstNumber to its lastNumber. */
  readonly miniBlocks: readonly Bytes[];
  readonly witness: Bytes;
  readonly previous: PreviousBlock | undefined;
}

/** A job whose parts are what the sequencer signed. */
export interface DecodedJob {
  readonly seal: BlockSeal;
  readonly miniBlocks: readonly MiniBlock[];
  readonly witness: Witness;
  readonly parent: BlockHeader;
  /** Hashes of the parent and of ancestors before it, by block number. */
  readonly ancestors: ReadonlyMap<number, Hash>;
  readonly previous: PreviousBlock | undefined;
}

/**
 * Decodes a job and checks that every part is what the seal commits to, and that the sequencer signed it. Only then is
 * a wrong value inside the sequencer's fault.
 * @throws StrobeError INVALID_BLOCK_JOB, WITNESS_DIGEST_MISMATCH, WITNESS_INCOMPLETE, INVALID_SIGNATURE, UNKNOWN_SIGNER,
 * and the codes of the decoders
 */
export function decodeBlockJob(job: BlockJob, rules: ChainRules): DecodedJob {
  const seal = decodeBlockSeal(job.seal);
  if (!bytesEqual(seal.genesisHash, rules.genesisHash)) throw invalid('the seal is of another chain');
  assertSignedBy(blockSealDigest(seal), seal.signature, rules.sequencerKeys);
  const miniBlocks = decodeMiniBlocks(job.miniBlocks, seal, rules);
  assertWitnessDigest(job.witness, seal);
  const witness = decodeWitness(job.witness);
  return { seal, miniBlocks, witness, ...readAncestors(witness, seal.header), previous: job.previous };
}

/** The digests chain back from the seal's last one, so these are the mini-blocks of the seal and no others. */
function decodeMiniBlocks(encoded: readonly Bytes[], seal: BlockSeal, rules: ChainRules): MiniBlock[] {
  if (encoded.length !== seal.lastNumber - seal.firstNumber + 1) {
    throw invalid('the number of mini-blocks is not the seal’s', { miniBlocks: encoded.length });
  }
  const miniBlocks = encoded.map(decodeMiniBlock);
  let expected = seal.lastDigest;
  for (const { envelope, digest } of miniBlocks.toReversed()) {
    if (!bytesEqual(digest, expected)) throw invalid('a mini-block is not the one that was sealed', { number: envelope.number });
    if (!bytesEqual(envelope.genesisHash, rules.genesisHash) || envelope.chainId !== rules.chainId) {
      throw invalid('a mini-block is of another chain', { number: envelope.number });
    }
    assertSignedBy(digest, envelope.signature, rules.sequencerKeys);
    expected = envelope.parentDigest;
  }
  return miniBlocks;
}

/** @throws StrobeError WITNESS_DIGEST_MISMATCH */
export function assertWitnessDigest(witness: Bytes, seal: BlockSeal): void {
  const digest = witnessDigest(splitWitness(witness).map(keccak256));
  if (witness.length === seal.witnessBytes && bytesEqual(digest, seal.witnessDigest)) return;
  throw new StrobeError('WITNESS_DIGEST_MISMATCH', 'the witness is not the one that was sealed', {
    blockNumber: seal.header.number,
    bytes: witness.length,
    sealedBytes: seal.witnessBytes,
  });
}

/** Every header is proven by the hash in the one before it, the first by the sealed header. */
function readAncestors(witness: Witness, header: BlockHeader): Pick<DecodedJob, 'parent' | 'ancestors'> {
  const ancestors = new Map<number, Hash>();
  let parent: BlockHeader | undefined;
  let expected = header.parentHash;
  for (const encoded of witness.headers) {
    if (!bytesEqual(keccak256(encoded), expected)) throw incomplete('a header of the witness is not the ancestor');
    const ancestor = decodeHeader(encoded);
    parent ??= ancestor;
    ancestors.set(ancestor.number, expected);
    expected = ancestor.parentHash;
    // One hash more than headers: it is proven by the last one.
    if (ancestor.number > 0) ancestors.set(ancestor.number - 1, expected);
  }
  if (parent === undefined) throw incomplete('the witness lacks the parent header');
  return { parent, ancestors };
}

function incomplete(message: string): StrobeError<'WITNESS_INCOMPLETE'> {
  return new StrobeError('WITNESS_INCOMPLETE', message);
}

function invalid(message: string, meta: { number?: number; miniBlocks?: number } = {}): StrobeError<'INVALID_BLOCK_JOB'> {
  return new StrobeError('INVALID_BLOCK_JOB', message, meta);
}
