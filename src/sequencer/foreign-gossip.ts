import type { ChainIdentity } from '../protocol/genesis.ts';
import { decodeSequencerMessage } from '../protocol/log-record.ts';
import type { Address } from '../protocol/primitives.ts';
import { checkSigner, decodeHostile, isRefusal } from '../protocol/validate-common.ts';
import { genesisHashOf, signedPart } from '../protocol/validate-sequencer-message.ts';
import { ignore, reject, type Verdict } from '../protocol/verdict.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';

export interface ForeignGossipOptions {
  readonly identity: ChainIdentity;
  /** Keys that may sign as sequencer. */
  readonly sequencerKeys: readonly Address[];
  /** The key of this sequencer. */
  readonly self: Address;
  /** When this process began to listen, µs since 1970. */
  readonly sinceUs: number;
}

export interface JudgedGossip {
  readonly verdict: Verdict;
  /** Somebody else signed a heartbeat with our key after we started: a second instance runs. */
  readonly isRival: boolean;
}

/**
 * Judges what peers send to a sequencer as a sequencer's messages. It follows nobody, so nothing is accepted; what no
 * sequencer of this chain signed counts against whoever sent it, as it does on a replica. Our own messages never come back.
 */
export function judgeForeignGossip(bytes: Bytes, { identity, sequencerKeys, self, sinceUs }: ForeignGossipOptions): JudgedGossip {
  const message = decodeHostile(bytes, decodeSequencerMessage);
  if (isRefusal(message)) return { verdict: message.verdict, isRival: false };
  if (!bytesEqual(genesisHashOf(message), identity.genesisHash)) return { verdict: reject('WRONG_CHAIN'), isRival: false };
  const { digest, signature } = signedPart(message);
  const signed = checkSigner(digest, signature, sequencerKeys);
  if (isRefusal(signed)) return { verdict: signed.verdict, isRival: false };
  const isNewHeartbeat = message.kind === 'heartbeat' && message.heartbeat.timestampUs > sinceUs;
  return { verdict: ignore('SEQUENCER_DOES_NOT_FOLLOW'), isRival: isNewHeartbeat && bytesEqual(signed.signer, self) };
}
