import type { ChainIdentity } from '../../protocol/genesis.ts';
import type { PeerOffers, SnapshotOffer } from '../../protocol/ports/network.ts';
import type { Address, Hash } from '../../protocol/primitives.ts';
import { validateAttestation } from '../../protocol/validate-attestation.ts';
import { bytesEqual, toKey } from '../../util/bytes.ts';
import { type ProverAttestation, resultKey } from '../attestation-result.ts';
import type { ProverSet } from './snapshot-sync-types.ts';

/** A peer that says it has a snapshot. */
export interface OfferingPeer {
  readonly peer: string;
  readonly manifestBytes: number;
}

/** A snapshot on offer whose block enough provers attested. That it holds that block's state is not known yet. */
export interface AttestedOffer {
  readonly contentDigest: Hash;
  readonly blockNumber: number;
  readonly blockHash: Hash;
  readonly peers: readonly OfferingPeer[];
  /** Of one result, each of another prover. */
  readonly attestations: readonly ProverAttestation[];
}

export interface OfferContext extends ProverSet {
  readonly identity: ChainIdentity;
  readonly isExcluded: (prover: Address) => boolean;
}

/**
 * The attested ones among what peers offer, newest first, and of one block that of the most peers first. Attestations
 * speak for themselves, so those of all peers count together (PROTOCOL section 7: k signatures of genesis' provers over
 * one result of this very block).
 */
export function attestedOffers(answers: readonly PeerOffers[], context: OfferContext): AttestedOffer[] {
  const all = answers.flatMap(({ peer, snapshots }) => snapshots.map((offer) => ({ peer, offer })));
  const byBlock = Map.groupBy(all, ({ offer }) => `${offer.blockNumber}:${toKey(offer.blockHash)}`);
  return [...byBlock.values()]
    .flatMap((offers) => {
      const attestations = agreed(
        offers.map(({ offer }) => offer),
        context,
      );
      return attestations === undefined ? [] : offersOf(offers, attestations);
    })
    .sort((a, b) => b.blockNumber - a.blockNumber || b.peers.length - a.peers.length);
}

interface NamedOffer {
  readonly peer: string;
  readonly offer: SnapshotOffer;
}

function offersOf(offers: readonly NamedOffer[], attestations: readonly ProverAttestation[]): AttestedOffer[] {
  const byContent = Map.groupBy(offers, ({ offer }) => toKey(offer.contentDigest));
  return [...byContent.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const { contentDigest, blockNumber, blockHash } = first.offer;
    const peers = same.map(({ peer, offer }) => ({ peer, manifestBytes: offer.manifestBytes }));
    return [{ contentDigest, blockNumber, blockHash, peers, attestations }];
  });
}

/** The attestations of a result that enough provers have; undefined when there is none. */
function agreed(offers: readonly SnapshotOffer[], context: OfferContext): readonly ProverAttestation[] | undefined {
  const byResult = new Map<string, Map<string, ProverAttestation>>();
  for (const offer of offers) {
    // An honest peer has one of each prover: what is more is not worth its signature checks.
    for (const bytes of offer.attestations.slice(0, context.provers.length)) {
      const { verdict, message } = validateAttestation(bytes, {
        ...context,
        oldestBlock: offer.blockNumber,
        newestBlock: offer.blockNumber,
        isKnown: () => false,
      });
      if (verdict.kind !== 'accept' || message === undefined) continue;
      const { attestation, prover } = message;
      if (!attestation.success || !bytesEqual(attestation.blockHash, offer.blockHash)) continue;
      const key = resultKey(attestation);
      byResult.set(key, (byResult.get(key) ?? new Map<string, ProverAttestation>()).set(toKey(prover), { attestation, prover }));
    }
  }
  const enough = [...byResult.values()].find((byProver) => byProver.size >= context.threshold);
  return enough === undefined ? undefined : [...enough.values()];
}
