import { z } from 'zod';
import type { Hash } from '../../protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../protocol/rlp.ts';
import { type Bytes, fromHex, fromText, type Hex, toHex } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';

const hex = z.custom<Hex>((value) => typeof value === 'string' && /^0x(?:[0-9a-f]{2})*$/.test(value), 'expected lower-case hex');

/**
 * Proof of a wrong-doing that anyone with the genesis file can check (verify-evidence.ts). Version history: `context`,
 * `witness` and `netDiff` came later, so files without them are read too and prove less.
 */
export const evidenceSchema = z.strictObject({
  /** The rule that was broken, see FaultRule; or how a prover failed. */
  rule: z.string(),
  message: z.string(),
  /** µs since 1970. */
  atUs: z.number(),
  /** The signed messages that are held against somebody, as they were received: with a kind byte, or an attestation. */
  messages: z.array(hex),
  /** Signed messages that show the first ones wrong: the parent's seal, the block's mini-blocks, other attestations. */
  context: z.array(hex).optional(),
  /** A witness of the block: it proves itself against the parent's state root. */
  witness: hex.optional(),
  /** Canonical bytes of the block's net diff, as it was put together here. */
  netDiff: hex.optional(),
});

export type Evidence = z.output<typeof evidenceSchema>;

/** What completes a proof, in bytes. */
export interface EvidenceContext {
  readonly context?: readonly Bytes[];
  readonly witness?: Bytes | undefined;
  readonly netDiff?: Bytes | undefined;
}

/**
 * Most bytes of all that completes one proof: a full block with its witness is half of it. What is above it is left out,
 * and the proof says less.
 */
export const MAX_CONTEXT_BYTES = 32 * 1024 * 1024;

/** The parts that fit into `maxBytes`, the smaller kinds first: net diff, messages from the first on, witness. */
export function boundedContext(
  parts: EvidenceContext,
  maxBytes = MAX_CONTEXT_BYTES,
): Pick<Evidence, 'context' | 'witness' | 'netDiff'> {
  let left = maxBytes;
  const fits = (bytes: Bytes): boolean => {
    if (bytes.length > left) return false;
    left -= bytes.length;
    return true;
  };
  const { netDiff, context = [], witness } = parts;
  const keptDiff = netDiff !== undefined && fits(netDiff);
  const kept = context.filter(fits);
  const keptWitness = witness !== undefined && fits(witness);
  return {
    ...(kept.length === 0 ? {} : { context: kept.map(toHex) }),
    ...(keptWitness ? { witness: toHex(witness) } : {}),
    ...(keptDiff ? { netDiff: toHex(netDiff) } : {}),
  };
}

/** Names one piece of evidence of one node: no other has the same time and messages. */
export function evidenceDigest({
  rule,
  message,
  atUs,
  messages,
}: Pick<Evidence, 'rule' | 'message' | 'atUs' | 'messages'>): Hash {
  const fields = [fromText('strobe/evidence/1'), fromText(rule), fromText(message), fromNumber(atUs)];
  return keccak256(encodeRlp([...fields, messages.map(fromHex)]));
}
