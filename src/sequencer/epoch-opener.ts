import type { ChainIdentity } from '../protocol/genesis.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import { type EpochStart, epochStartDigest, withSignature } from '../protocol/sequencer-messages.ts';
import type { Signer } from '../protocol/signing.ts';
import type { MiniBlockHead } from '../state/chain-trail.ts';
import type { Bytes } from '../util/bytes.ts';

/** What the log and the last stop say about the epoch to run in. */
export interface EpochSituation {
  /** Epoch of the log's newest EpochStart, 0 when there is none. */
  readonly loggedEpoch: number;
  /** The log's tail was cut: mini-blocks may have been published that are gone here. */
  readonly isCut: boolean;
  /** The process before ended without closing the log. */
  readonly uncleanStop: boolean;
  readonly durability: 'sync' | 'os';
}

/** True when numbering must go on under a new epoch (PROTOCOL section 6). */
export function needsNewEpoch(situation: EpochSituation): boolean {
  if (situation.loggedEpoch === 0 || situation.isCut) return true;
  return situation.uncleanStop && situation.durability === 'os';
}

/** Signs and logs the start of an epoch behind `head`; resolves with its message once it is durable. */
export async function openEpoch(
  epoch: number,
  head: MiniBlockHead,
  modules: { readonly identity: ChainIdentity; readonly signer: Signer; readonly log: MiniBlockLog },
): Promise<{ readonly epochStart: EpochStart; readonly message: Bytes }> {
  const { identity, signer, log } = modules;
  const unsigned = {
    genesisHash: identity.genesisHash,
    epoch,
    lastNumber: head.number,
    lastDigest: head.digest,
    sequencerKey: signer.address,
  };
  const epochStart = withSignature(unsigned, epochStartDigest(unsigned), signer);
  const message = encodeSequencerMessage({ kind: 'epochStart', epochStart });
  await log.append([{ number: head.number, bytes: message }]);
  return { epochStart, message };
}
