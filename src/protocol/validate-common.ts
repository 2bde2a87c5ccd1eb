import type { Bytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import type { Signature } from '../util/signature.ts';
import { MAX_GOSSIP_BYTES } from './limits.ts';
import type { Address, Hash } from './primitives.ts';
import { assertSignedBy } from './signing.ts';
import { reject, type Verdict } from './verdict.ts';

/** Outcome of checking a gossip message. */
export interface CheckedMessage<Message> {
  readonly verdict: Verdict;
  /** Set once the signature was found good, also when the message is ignored for another reason. */
  readonly message: Message | undefined;
}

/** A message that is not to be used, and nothing is proven of its signer. */
export interface Refusal {
  readonly verdict: Verdict;
  readonly message: undefined;
}

export function refused(verdict: Verdict): Refusal {
  return { verdict, message: undefined };
}

/** Decodes hostile bytes; what is oversized or malformed is a REJECT with the decoder's code. */
export function decodeHostile<Message>(bytes: Bytes, decode: (bytes: Bytes) => Message): Message | Refusal {
  if (bytes.length > MAX_GOSSIP_BYTES) return refused(reject('OVERSIZED'));
  return attempt(() => decode(bytes));
}

/** Says who of `signers` signed, or the verdict on a signature that nobody of them made. */
export function checkSigner(
  digest: Hash,
  signature: Signature,
  signers: readonly Address[],
): { readonly signer: Address } | Refusal {
  return attempt(() => ({ signer: assertSignedBy(digest, signature, signers) }));
}

/** True for the refusals of {@link decodeHostile} and {@link checkSigner}. */
export function isRefusal(outcome: object): outcome is Refusal {
  return 'verdict' in outcome;
}

/** Turns a coded error into a REJECT; anything else is a bug of ours and passes. */
function attempt<Outcome>(action: () => Outcome): Outcome | Refusal {
  try {
    return action();
  } catch (error) {
    if (isStrobeError(error)) return refused(reject(error.code));
    throw error;
  }
}
