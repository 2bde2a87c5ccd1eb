import { type Bytes, bytesEqual } from '../util/bytes.ts';
import type { ChainIdentity } from './genesis.ts';
import type { Address, Hash } from './primitives.ts';
import { decodeWitnessChunk, type WitnessChunk, witnessChunkDigest } from './sequencer-messages.ts';
import { type CheckedMessage, checkSigner, decodeHostile, isRefusal, refused } from './validate-common.ts';
import { ACCEPT, ignore, reject } from './verdict.ts';

/** What a node knows when it judges a witness chunk. */
export interface WitnessChunkContext {
  readonly identity: ChainIdentity;
  readonly sequencerKeys: readonly Address[];
  /** Newest block whose witness is needed no more. */
  readonly doneBlock: number;
  /** Newest sealed block; a witness may arrive before its seal. */
  readonly headBlock: number;
  readonly blockWindow: number;
  /** True when this chunk is here already. */
  isKnown(chunk: WitnessChunk): boolean;
  /** True when a chunk with this signed list was checked before: one signature covers all chunks of a witness. */
  isSignedList(digest: Hash): boolean;
}

/** A chunk with the digest of its signed chunk list. */
export interface AuthenticChunk {
  readonly chunk: WitnessChunk;
  readonly listDigest: Hash;
}

/** Judges a witness chunk (PROTOCOL sections 7 and 9). */
export function validateWitnessChunk(bytes: Bytes, context: WitnessChunkContext): CheckedMessage<AuthenticChunk> {
  const chunk = decodeHostile(bytes, decodeWitnessChunk);
  if (isRefusal(chunk)) return chunk;
  if (!bytesEqual(chunk.genesisHash, context.identity.genesisHash)) return refused(reject('WRONG_CHAIN'));
  if (chunk.blockNumber <= context.doneBlock) return refused(ignore('OLD'));
  if (context.isKnown(chunk)) return refused(ignore('KNOWN'));
  const listDigest = witnessChunkDigest(chunk);
  if (!context.isSignedList(listDigest)) {
    const signed = checkSigner(listDigest, chunk.signature, context.sequencerKeys);
    if (isRefusal(signed)) return signed;
  }
  const isEarly = chunk.blockNumber > context.headBlock + context.blockWindow;
  return { verdict: isEarly ? ignore('TOO_EARLY') : ACCEPT, message: { chunk, listDigest } };
}
