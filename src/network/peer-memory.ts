/** A peer's breaches of the rules, as plain data that goes from one thread to another: each has a clock of its own. */
export interface RememberedOffender {
  readonly peer: string;
  readonly offences: number;
  /** Since the last one, ms. */
  readonly agoMs: number;
  /** 0: it is not banned. */
  readonly bannedForMs: number;
}

/** Requests that a peer did not answer, or not usefully. */
export interface RememberedFailures {
  readonly peer: string;
  readonly count: number;
  /** Since the last one, ms. */
  readonly agoMs: number;
}

/** How peers stand, oldest first. */
export interface RememberedPeers {
  readonly offenders: readonly RememberedOffender[];
  readonly failures: readonly RememberedFailures[];
}

/**
 * Keeps how peers stand while a node has no network: one that is wired anew within its process forgets no ban. Bounded as
 * what it is filled with is.
 */
export class PeerMemory {
  readonly #nowMs: () => number;
  #kept: { readonly peers: RememberedPeers; readonly atMs: number } | undefined;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  keep(peers: RememberedPeers): void {
    this.#kept = { peers, atMs: this.#nowMs() };
  }

  /** As it is now. */
  recall(): RememberedPeers {
    if (this.#kept === undefined) return { offenders: [], failures: [] };
    const { peers, atMs } = this.#kept;
    const elapsedMs = this.#nowMs() - atMs;
    return {
      offenders: peers.offenders.map(({ agoMs, bannedForMs, ...offender }) => {
        return { ...offender, agoMs: agoMs + elapsedMs, bannedForMs: Math.max(0, bannedForMs - elapsedMs) };
      }),
      failures: peers.failures.map(({ agoMs, ...failures }) => ({ ...failures, agoMs: agoMs + elapsedMs })),
    };
  }
}
