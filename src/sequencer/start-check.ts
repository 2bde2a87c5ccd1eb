import { setTimeout as delay } from 'node:timers/promises';
import type { PeerHead, PeerReader } from '../protocol/ports/network.ts';
import { bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/** Pause between two rounds of asking peers, ms: they reconnect within a second of our start. */
const ASK_AGAIN_MS = 100;

/**
 * The furthest head that peers claim within `waitMs`; undefined when nobody answered. A sequencer whose own log ends
 * below it may have been restored from a backup or have lost its tail (PROTOCOL section 6).
 */
export async function furthestPeerHead(peers: PeerReader, waitMs: number, signal: AbortSignal): Promise<PeerHead | undefined> {
  // Not by the wall clock: it may be set while a machine boots, and too short a wait misses what peers know.
  const deadlineMs = performance.now() + waitMs;
  let furthest: PeerHead | undefined;
  while (performance.now() < deadlineMs && !signal.aborted) {
    for (const head of await peers.heads()) furthest = furthest === undefined ? head : further(furthest, head);
    await delay(ASK_AGAIN_MS);
  }
  return furthest;
}

/**
 * Where a chain begins with an imported snapshot, nothing here says what was published behind it, and to sign a number
 * twice is an equivocation: peers have to know our newest mini-block and nothing above it.
 * @param peer the furthest head that they claim
 * @throws StrobeError TAIL_NOT_AVAILABLE
 */
export function assertTailKnown(own: PeerHead, peer: PeerHead | undefined): void {
  const isKnown = peer !== undefined && peer.number === own.number && peer.epoch <= own.epoch;
  if (isKnown && bytesEqual(peer.digest, own.digest)) return;
  const found =
    peer === undefined ? 'no peer answered' : `the furthest peer is at mini-block ${peer.number} of epoch ${peer.epoch}`;
  throw new StrobeError(
    'TAIL_NOT_AVAILABLE',
    `this data directory begins with an imported snapshot and ends with mini-block ${own.number} of epoch ${own.epoch}, and ${found}: start a ` +
      'replica that has the whole chain and let it reach this sequencer',
    { number: own.number, peerNumber: peer?.number ?? null, peerEpoch: peer?.epoch ?? null },
  );
}

function further(a: PeerHead, b: PeerHead): PeerHead {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? a : b;
  return a.number >= b.number ? a : b;
}
