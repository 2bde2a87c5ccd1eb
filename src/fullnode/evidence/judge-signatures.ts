import type { AttestedBlock } from '../../protocol/attestation-agreement.ts';
import { agreesWith, differingFields } from '../../protocol/attestation-agreement.ts';
import { blockHashOf } from '../../protocol/sequencer-messages.ts';
import { bytesEqual, toHex, toKey } from '../../util/bytes.ts';
import { resultKey } from '../attestation-result.ts';
import { type Case, type Finding, notProven, proven } from './finding.ts';
import type { SignedAttestation, SignedMaterial, SignedMessage } from './signed-material.ts';

/** EQUIVOCATION: one key signed two digests for one position of one epoch (PROTOCOL section 6). */
export function judgeEquivocation({ material }: Case): Finding {
  const [first, second] = material.accused;
  if (first === undefined || second === undefined) return notProven('two signed messages are needed');
  const [one, other] = [positionOf(first), positionOf(second)];
  if (one === undefined || one.key !== other?.key) return notProven('the two messages are not of one position');
  if (!bytesEqual(first.signer, second.signer)) return notProven('two different keys signed, of which one only had the epoch');
  if (bytesEqual(one.digest, other.digest)) return notProven('both sign the same digest');
  return proven(`${toHex(first.signer)} signed two different ${one.name}`);
}

function positionOf({ message, digest }: SignedMessage): { key: string; name: string; digest: Uint8Array } | undefined {
  switch (message.kind) {
    case 'miniBlock': {
      const { epoch, number } = message.miniBlock.envelope;
      return { key: `m${epoch}:${number}`, name: `mini-blocks ${number} in epoch ${epoch}`, digest };
    }
    // A heartbeat signs the digest of a mini-block.
    case 'heartbeat': {
      const { epoch, number } = message.heartbeat;
      return { key: `m${epoch}:${number}`, name: `mini-blocks ${number} in epoch ${epoch}`, digest: message.heartbeat.digest };
    }
    case 'blockSeal': {
      const { epoch, header } = message.blockSeal;
      return { key: `s${epoch}:${header.number}`, name: `seals of block ${header.number} in epoch ${epoch}`, digest };
    }
    case 'epochStart':
      return undefined;
  }
}

/** EPOCH_BELOW_SAFE: an epoch starts below a block that as many provers attested as are needed. */
export function judgeEpochStart({ material, chain }: Case): Finding {
  const start = material.accused.flatMap(({ message }) => (message.kind === 'epochStart' ? [message.epochStart] : [])).at(-1);
  if (start === undefined) return notProven('the signed epoch start is not in it');
  for (const seal of material.seals) {
    if (seal.epoch >= start.epoch || seal.lastNumber <= start.lastNumber) continue;
    const block = material.block(blockHashOf(seal));
    if (block === undefined || agreeing(block, material).length < chain.genesis.threshold) continue;
    return proven(`the sequencer started epoch ${start.epoch} below block ${seal.header.number}, which was safe`);
  }
  return notProven('no block above the start of the epoch is shown to be safe');
}

/** Distinct provers whose attestation agrees with the block. */
function agreeing(block: AttestedBlock, { attestations }: SignedMaterial): readonly SignedAttestation[] {
  return distinct(attestations.filter(({ attestation }) => agreesWith(attestation, block)));
}

function distinct(attestations: readonly SignedAttestation[]): readonly SignedAttestation[] {
  return [...new Map(attestations.map((signed) => [toKey(signed.prover), signed])).values()];
}

/** FALSE_SUCCESS, PROVER_DISAGREES: a prover's signed word for another result than the block's. */
export function judgeProver({ material, chain }: Case): Finding {
  const accused = material.accusedAttestations.at(-1);
  if (accused === undefined) return notProven('the signed attestation is not in it');
  const { attestation, prover } = accused;
  const block = material.block(attestation.blockHash);
  if (block === undefined) return notProven('the block that it speaks about, or the one before, is not in it');
  const who = `prover ${toHex(prover)}`;
  const differs = differingFields(attestation, block);
  const of = `block ${block.seal.header.number}`;
  if (attestation.success && differs.length > 0) {
    return proven(`${who} signed success for ${of} with another ${differs.join(', ')} than it has`);
  }
  if (attestation.success) return notProven(`${who} agrees with ${of}`);
  if (differs.length === 0) return proven(`${who} signed that ${of} is wrong, with just the results that it has`);
  const others = agreeing(block, material).filter((other) => !bytesEqual(other.prover, prover));
  if (others.length < chain.genesis.threshold) {
    return notProven(
      `${who} has another result for ${of} than the sequencer: one voice against another, ${others.length} provers agree with it`,
    );
  }
  return proven(`${who} signed another result for ${of} than ${others.length} provers`);
}

/** PROVERS_DISAGREE: as many provers as are needed have one other result for a sealed block. */
export function judgeMajority({ material, chain }: Case): Finding {
  const { threshold } = chain.genesis;
  for (const { voices, block } of otherResults(material)) {
    if (block === undefined || voices.length < threshold) continue;
    return proven(
      `${voices.length} provers, ${threshold} are needed, signed another result for block ${block.seal.header.number} than the sequencer`,
    );
  }
  return notProven(`not as many as ${threshold} provers are shown to have one other result for a sealed block`);
}

/** CONFLICTING_RESULTS: twice as many provers as are needed signed for one block, with two results. */
export function judgeConflict({ material, chain }: Case): Finding {
  const { threshold } = chain.genesis;
  const byNumber = Map.groupBy(material.attestations, ({ attestation }) => attestation.blockNumber);
  for (const [blockNumber, attestations] of byNumber) {
    const results = [...Map.groupBy(attestations, ({ attestation }) => resultKey(attestation)).values()];
    const strong = results.filter((voices) => distinct(voices).length >= threshold);
    if (strong.length >= 2)
      return proven(`for block ${blockNumber} ${threshold} provers and more signed each of ${strong.length} different results`);
  }
  return notProven(`no block has two results with ${threshold} provers each`);
}

/** Results that differ from the block they name, and the provers that have them. */
function otherResults(material: SignedMaterial) {
  const opposed = material.attestations.filter(({ attestation }) => {
    const block = material.block(attestation.blockHash);
    return block !== undefined && !agreesWith(attestation, block);
  });
  const byResult = Map.groupBy(opposed, ({ attestation }) => resultKey(attestation));
  return [...byResult.values()].map((voices) => ({
    voices: distinct(voices),
    block: voices[0] && material.block(voices[0].attestation.blockHash),
  }));
}
