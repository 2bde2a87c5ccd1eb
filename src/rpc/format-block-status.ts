import type { AttestationPolicy, BlockStatus, ChainReader } from '../protocol/ports/chain.ts';
import { countedProvers, rungOf } from '../protocol/verification-rung.ts';
import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';

/** Where a block stands on the verification ladder, the same in an answer and in a push. */
export function formatBlockStatus(
  status: BlockStatus,
  chain: Pick<ChainReader, 'safeNumber' | 'finalizedNumber'>,
  policy: AttestationPolicy,
): Readonly<Record<string, unknown>> {
  return {
    blockNumber: quantity(status.blockNumber),
    blockHash: toHex(status.blockHash),
    rung: rungOf(status, policy),
    received: status.received,
    signatureVerified: status.signatureVerified,
    rootVerified: status.rootVerified,
    attestedBy: countedProvers(status, policy).map(toHex),
    threshold: quantity(policy.threshold),
    provers: quantity(policy.proverCount),
    daCommitment: status.daCommitment === undefined ? null : toHex(status.daCommitment),
    // There is no L1 to settle on yet.
    settledTx: null,
    tag: highestTag(status.blockNumber, chain),
  };
}

function highestTag(number: number, chain: Pick<ChainReader, 'safeNumber' | 'finalizedNumber'>): 'finalized' | 'safe' | 'latest' {
  if (number <= (chain.finalizedNumber() ?? -1)) return 'finalized';
  return number <= (chain.safeNumber() ?? -1) ? 'safe' : 'latest';
}
