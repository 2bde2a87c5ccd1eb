import { TokenBucket } from '../util/token-bucket.ts';
import {
  FLOOD_OFFENCE_INTERVAL_MS,
  GOSSIP_BURST_BYTES,
  GOSSIP_BYTES_PER_SECOND,
  MAX_TRACKED_PEERS,
  REFUSED_REQUEST_BURST,
  REFUSED_REQUESTS_PER_SECOND,
  USELESS_GOSSIP_BURST,
  USELESS_GOSSIP_PER_SECOND,
} from './network-limits.ts';

/** What a peer may still send. */
interface Allowance {
  readonly gossipBytes: TokenBucket;
  readonly uselessGossip: TokenBucket;
  readonly refusedRequests: TokenBucket;
  /** Flooding before this moment is part of an offence that was counted. */
  nextOffenceMs: number;
}

type FloodCode = 'GOSSIP_FLOOD' | 'REQUEST_FLOOD';

export interface FloodGuardModules {
  readonly offend: (peer: string, code: FloodCode) => void;
  /** Milliseconds that never step back. */
  readonly nowMs?: () => number;
}

/**
 * Notices peers that send more than anyone who follows the rules has reason to: each of their messages may be harmless,
 * and ignoring it still costs. Allowances outlive a connection, or a new one would be a new allowance.
 */
export class FloodGuard {
  readonly #offend: FloodGuardModules['offend'];
  readonly #nowMs: () => number;
  /** In order of the first message, so that the oldest is the first to go. */
  readonly #allowances = new Map<string, Allowance>();

  constructor({ offend, nowMs = () => performance.now() }: FloodGuardModules) {
    this.#offend = offend;
    this.#nowMs = nowMs;
  }

  /** Counts a gossip message; false: it is above the allowance, and not worth looking at. */
  allowGossip(peer: string, bytes: number): boolean {
    return this.#take(peer, 'gossipBytes', bytes, 'GOSSIP_FLOOD');
  }

  /** The message was of no use, though nothing is wrong with it. */
  noteUseless(peer: string): void {
    this.#take(peer, 'uselessGossip', 1, 'GOSSIP_FLOOD');
  }

  /** The peer asked for more than it may. */
  noteRefusedRequest(peer: string): void {
    this.#take(peer, 'refusedRequests', 1, 'REQUEST_FLOOD');
  }

  #take(peer: string, what: Exclude<keyof Allowance, 'nextOffenceMs'>, count: number, code: FloodCode): boolean {
    const nowMs = this.#nowMs();
    const allowance = this.#allowanceOf(peer, nowMs);
    if (allowance[what].take(count, nowMs)) return true;
    if (nowMs >= allowance.nextOffenceMs) {
      allowance.nextOffenceMs = nowMs + FLOOD_OFFENCE_INTERVAL_MS;
      this.#offend(peer, code);
    }
    return false;
  }

  #allowanceOf(peer: string, nowMs: number): Allowance {
    const known = this.#allowances.get(peer);
    if (known !== undefined) return known;
    const created = {
      gossipBytes: new TokenBucket({ perSecond: GOSSIP_BYTES_PER_SECOND, burst: GOSSIP_BURST_BYTES }, nowMs),
      uselessGossip: new TokenBucket({ perSecond: USELESS_GOSSIP_PER_SECOND, burst: USELESS_GOSSIP_BURST }, nowMs),
      refusedRequests: new TokenBucket({ perSecond: REFUSED_REQUESTS_PER_SECOND, burst: REFUSED_REQUEST_BURST }, nowMs),
      nextOffenceMs: 0,
    };
    this.#allowances.set(peer, created);
    for (const oldest of this.#allowances.keys()) {
      if (this.#allowances.size <= MAX_TRACKED_PEERS) break;
      this.#allowances.delete(oldest);
    }
    return created;
  }
}
