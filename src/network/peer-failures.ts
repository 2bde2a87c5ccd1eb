import { FAILURE_MEMORY_MS, MAX_TRACKED_PEERS } from './network-limits.ts';
import type { RememberedFailures } from './peer-memory.ts';

interface Failures {
  readonly count: number;
  readonly lastAtMs: number;
}

export interface PeerFailuresModules {
  readonly onFailure: (peer: string, code: string) => void;
  /** Milliseconds that never step back. */
  readonly nowMs?: () => number;
  /** What an earlier one remembered. */
  readonly remembered?: readonly RememberedFailures[];
}

/**
 * Requests that a peer did not answer, or not usefully, lately. Anyone's link may be slow or cut, so that bans nobody; it
 * decides who is asked last. Kept when the peer leaves, for it may have left for that.
 */
export class PeerFailures {
  readonly #onFailure: PeerFailuresModules['onFailure'];
  readonly #nowMs: () => number;
  /** In order of the last failure, so that the oldest is the first to go. */
  readonly #failures = new Map<string, Failures>();

  constructor({ onFailure, nowMs = () => performance.now(), remembered = [] }: PeerFailuresModules) {
    this.#onFailure = onFailure;
    this.#nowMs = nowMs;
    for (const { peer, count, agoMs } of remembered) this.#failures.set(peer, { count, lastAtMs: nowMs() - agoMs });
  }

  /** Notes a failure and says how many there are. */
  note(peer: string, code: string): number {
    const count = this.of(peer) + 1;
    this.#failures.delete(peer);
    this.#failures.set(peer, { count, lastAtMs: this.#nowMs() });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= MAX_TRACKED_PEERS) break;
      this.#failures.delete(oldest);
    }
    this.#onFailure(peer, code);
    return count;
  }

  /** What counts still, for another one to begin with. */
  remember(): RememberedFailures[] {
    const now = this.#nowMs();
    return [...this.#failures].flatMap(([peer, { count, lastAtMs }]) => {
      const agoMs = now - lastAtMs;
      return agoMs > FAILURE_MEMORY_MS ? [] : [{ peer, count, agoMs }];
    });
  }

  of(peer: string): number {
    const failures = this.#failures.get(peer);
    return failures === undefined || this.#nowMs() - failures.lastAtMs > FAILURE_MEMORY_MS ? 0 : failures.count;
  }
}
