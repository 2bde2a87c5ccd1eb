import type { Libp2p } from '@libp2p/interface';
import type { PeerStanding } from '../protocol/ports/network.ts';
import { OFFENCES_BEFORE_BAN } from './network-limits.ts';
import type { PeerFailures } from './peer-failures.ts';
import type { PeerGuard } from './peer-guard.ts';

/** Peers listed at a time: all that can be connected, and as many that were sent away. */
const MAX_LISTED_PEERS = 300;

/** Points for an offence, so that a banned peer stands at -100. */
const OFFENCE_POINTS = 100 / OFFENCES_BEFORE_BAN;

/** Failures that count: however often a peer fails, that alone never looks as bad as an offence. */
const MAX_FAILURE_POINTS = OFFENCE_POINTS - 1;

export interface PeerStandingsModules {
  readonly libp2p: Pick<Libp2p, 'getConnections'>;
  readonly guard: Pick<PeerGuard, 'offences' | 'banned'>;
  readonly failures: Pick<PeerFailures, 'of'>;
}

/** The connected peers and those that are banned, worst first. */
export function standingsOf({ libp2p, guard, failures }: PeerStandingsModules): PeerStanding[] {
  const banned = new Map(guard.banned().map(({ peer, forMs }) => [peer, forMs]));
  const directions = new Map(libp2p.getConnections().map(({ remotePeer, direction }) => [remotePeer.toString(), direction]));
  const peers = new Set([...directions.keys(), ...banned.keys()]);
  const standings = [...peers].map((peer) => {
    const counts = { offences: guard.offences(peer), failures: failures.of(peer) };
    const bannedForMs = banned.get(peer) ?? 0;
    return { peer, direction: directions.get(peer), score: scoreOf(counts, bannedForMs > 0), ...counts, bannedForMs };
  });
  return standings.sort((a, b) => a.score - b.score).slice(0, MAX_LISTED_PEERS);
}

function scoreOf({ offences, failures }: { readonly offences: number; readonly failures: number }, isBanned: boolean): number {
  if (isBanned) return -OFFENCE_POINTS * OFFENCES_BEFORE_BAN;
  // 0 and never -0, which is another number to whoever compares.
  return 0 - OFFENCE_POINTS * offences - Math.min(failures, MAX_FAILURE_POINTS);
}
