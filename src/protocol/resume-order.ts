import { z } from 'zod';
import { fromHex, fromText, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import type { Signature } from '../util/signature.ts';
import type { Genesis } from './genesis.ts';
import type { Address, Hash } from './primitives.ts';
import { encodeRlp } from './rlp.ts';
import { assertSignedBy } from './signing.ts';

/** The operator's word that a node may leave `halted` (PROTOCOL section 6). It is good for one halt of one node. */
export interface ResumeOrder {
  readonly genesisHash: Hash;
  /** Names the halt: the digest of its evidence, in which the moment stands. */
  readonly haltDigest: Hash;
  /** Excluded provers whose word counts again. */
  readonly reinstated: readonly Address[];
  readonly signature: Signature;
}

export function resumeOrderDigest({ genesisHash, haltDigest, reinstated }: Omit<ResumeOrder, 'signature'>): Hash {
  return keccak256(encodeRlp([fromText('strobe/resume/1'), genesisHash, haltDigest, reinstated]));
}

/** @throws StrobeError INVALID_SIGNATURE, UNKNOWN_SIGNER, WRONG_CHAIN when it is not the operator's word for this chain */
export function assertResumeOrder(order: ResumeOrder, genesisHash: Hash, { operatorKey }: Pick<Genesis, 'operatorKey'>): void {
  if (toHex(order.genesisHash) !== toHex(genesisHash)) {
    throw new StrobeError('WRONG_CHAIN', 'the resume order is for another chain', { genesisHash: toHex(order.genesisHash) });
  }
  assertSignedBy(resumeOrderDigest(order), order.signature, [operatorKey]);
}

const bytes = (length: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${length * 2}}$`), `expected ${length} bytes in lower-case hex`)
    .transform(fromHex);

/** How an order travels from the operator to the node: a JSON file. */
const fileSchema = z.strictObject({
  order: z.literal('strobe/resume/1'),
  genesisHash: bytes(32),
  haltDigest: bytes(32),
  reinstated: z.array(bytes(20)).max(1_024),
  signature: bytes(65),
});

export function formatResumeOrder({ genesisHash, haltDigest, reinstated, signature }: ResumeOrder): string {
  const file: z.input<typeof fileSchema> = {
    order: 'strobe/resume/1',
    genesisHash: toHex(genesisHash),
    haltDigest: toHex(haltDigest),
    reinstated: reinstated.map(toHex),
    signature: toHex(signature),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** @throws StrobeError INVALID_RESUME_ORDER; the signature is not checked */
export function parseResumeOrder(text: string): ResumeOrder {
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) {
    const { order: _, ...order } = parsed.data;
    return order;
  }
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new StrobeError('INVALID_RESUME_ORDER', `not a resume order: ${problems.join('; ')}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Said below, with what is expected.
    return undefined;
  }
}
