import { TokenBucket } from '../util/token-bucket.ts';
import {
  ANSWER_BURST_BYTES,
  ANSWER_BYTES_PER_SECOND,
  BAN_MS,
  MAX_TRACKED_OFFENDERS,
  MAX_TRACKED_PEERS,
  OFFENCE_MEMORY_MS,
  OFFENCES_BEFORE_BAN,
  REQUEST_BURST,
  REQUESTS_PER_SECOND,
  TOTAL_ANSWER_BURST_BYTES,
  TOTAL_ANSWER_BYTES_PER_SECOND,
} from './network-limits.ts';
import type { RememberedOffender } from './peer-memory.ts';

interface Offender {
  readonly offences: number;
  readonly lastAtMs: number;
  readonly bannedUntilMs: number;
}

/** What a peer may still ask for. */
interface Allowance {
  readonly requests: TokenBucket;
  readonly bytes: TokenBucket;
}

export interface PeerGuardModules {
  /** Called at each offence; with `banned` the peer must be disconnected now. */
  readonly onOffence: (peer: string, code: string, banned: boolean) => void;
  /** Milliseconds that never step back. */
  readonly nowMs?: () => number;
  /** What an earlier one remembered. */
  readonly remembered?: readonly RememberedOffender[];
}

/**
 * Remembers which peers misbehaved, over gossip and streams alike, and how many requests each may still make and how much
 * it may be sent. Kept apart from gossip's own score, which forgets a peer when it reconnects.
 */
export class PeerGuard {
  readonly #onOffence: PeerGuardModules['onOffence'];
  readonly #nowMs: () => number;
  /** In order of the last offence, so that the oldest is the first to go. */
  readonly #offenders = new Map<string, Offender>();
  /** Also of peers that left, as a new connection is no new allowance; in order of the first request. */
  readonly #allowances = new Map<string, Allowance>();
  readonly #totalBytes: TokenBucket;

  constructor(modules: PeerGuardModules) {
    this.#onOffence = modules.onOffence;
    this.#nowMs = modules.nowMs ?? (() => performance.now());
    const now = this.#nowMs();
    for (const { peer, offences, agoMs, bannedForMs } of modules.remembered ?? []) {
      this.#offenders.set(peer, { offences, lastAtMs: now - agoMs, bannedUntilMs: bannedForMs > 0 ? now + bannedForMs : 0 });
    }
    const total = { perSecond: TOTAL_ANSWER_BYTES_PER_SECOND, burst: TOTAL_ANSWER_BURST_BYTES };
    this.#totalBytes = new TokenBucket(total, now);
  }

  /** Notes an offence; the last one before the limit bans the peer. */
  offend(peer: string, code: string): void {
    const now = this.#nowMs();
    const offences = this.offences(peer) + 1;
    const banned = offences >= OFFENCES_BEFORE_BAN;
    this.#offenders.delete(peer);
    // A ban starts from zero: whoever returns has all its chances again, and loses them again.
    this.#offenders.set(peer, {
      offences: banned ? 0 : offences,
      lastAtMs: now,
      bannedUntilMs: banned ? now + BAN_MS : 0,
    });
    for (const oldest of this.#offenders.keys()) {
      if (this.#offenders.size <= MAX_TRACKED_OFFENDERS) break;
      this.#offenders.delete(oldest);
    }
    this.#onOffence(peer, code, banned);
  }

  /** Offences that still count. */
  offences(peer: string): number {
    const offender = this.#offenders.get(peer);
    if (offender === undefined || this.#nowMs() - offender.lastAtMs > OFFENCE_MEMORY_MS) return 0;
    return offender.offences;
  }

  isBanned(peer: string): boolean {
    return this.#nowMs() < (this.#offenders.get(peer)?.bannedUntilMs ?? 0);
  }

  /** Whoever is banned now, and for how long still. */
  banned(): { readonly peer: string; readonly forMs: number }[] {
    const now = this.#nowMs();
    return [...this.#offenders].flatMap(([peer, { bannedUntilMs }]) =>
      bannedUntilMs > now ? [{ peer, forMs: Math.ceil(bannedUntilMs - now) }] : [],
    );
  }

  /** What counts still, for another guard to begin with. */
  remember(): RememberedOffender[] {
    const now = this.#nowMs();
    return [...this.#offenders].flatMap(([peer, { offences, lastAtMs, bannedUntilMs }]) => {
      const agoMs = now - lastAtMs;
      const bannedForMs = Math.max(0, bannedUntilMs - now);
      return agoMs > OFFENCE_MEMORY_MS && bannedForMs === 0 ? [] : [{ peer, offences, agoMs, bannedForMs }];
    });
  }

  /** Takes one request from the peer's allowance; false when it is used up. */
  allowRequest(peer: string): boolean {
    return this.#allowanceOf(peer).requests.take(1, this.#nowMs());
  }

  /** False when the peer, or all of them together, were sent as much as they may be for now. */
  allowsAnswer(peer: string): boolean {
    const now = this.#nowMs();
    return this.#allowanceOf(peer).bytes.hasSome(now) && this.#totalBytes.hasSome(now);
  }

  /** Counts what an answer sent. */
  noteAnswered(peer: string, bytes: number): void {
    const now = this.#nowMs();
    this.#allowanceOf(peer).bytes.spend(bytes, now);
    this.#totalBytes.spend(bytes, now);
  }

  #allowanceOf(peer: string): Allowance {
    const known = this.#allowances.get(peer);
    if (known !== undefined) return known;
    const now = this.#nowMs();
    const allowance = {
      requests: new TokenBucket({ perSecond: REQUESTS_PER_SECOND, burst: REQUEST_BURST }, now),
      bytes: new TokenBucket({ perSecond: ANSWER_BYTES_PER_SECOND, burst: ANSWER_BURST_BYTES }, now),
    };
    this.#allowances.set(peer, allowance);
    for (const oldest of this.#allowances.keys()) {
      if (this.#allowances.size <= MAX_TRACKED_PEERS) break;
      this.#allowances.delete(oldest);
    }
    return allowance;
  }
}
