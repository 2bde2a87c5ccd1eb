import type { HaltReason } from './evidence/evidence-store.ts';
import type { Clock } from './full-node-options.ts';

/** `bootstrapping` until peers answered once and while a snapshot is taken, `catchingUp` while mini-blocks are missing, `halted` for good. */
export type ReplicaState = 'bootstrapping' | 'catchingUp' | 'live' | 'halted';

/** A lag below this many mini-blocks is ordinary reordering and no reason to leave `live`. */
const MAX_LIVE_LAG = 64;

export interface Readiness {
  readonly isReady: boolean;
  /** Set when not ready: the state or STALLED, and why. */
  readonly reason: string | undefined;
}

/** What is known of the sequencer, and what follows from it for the state of this node. */
export class ReplicaStatus {
  readonly #stallAfterUs: number;
  readonly #clock: Clock;
  #state: ReplicaState = 'bootstrapping';
  #halt: HaltReason | undefined;
  /** Highest position that the sequencer signed. */
  #signed = { epoch: 0, number: 0, blockNumber: 0 };
  #lifeSignUs: number;
  #heartbeatUs = 0;
  /** Why it does not get on by ranges, see {@link ReplicaStatus.setObstacle}. */
  #obstacle: (() => string) | undefined;

  constructor(stallAfterMs: number, clock: Clock) {
    this.#stallAfterUs = stallAfterMs * 1_000;
    this.#clock = clock;
    this.#lifeSignUs = clock.nowUs();
  }

  state(): ReplicaState {
    return this.#state;
  }

  isHalted(): boolean {
    return this.#state === 'halted';
  }

  halted(): HaltReason | undefined {
    return this.#halt;
  }

  halt(reason: HaltReason): void {
    this.#halt = reason;
    this.#state = 'halted';
  }

  /** A snapshot is being taken, or nothing helps this node on; undefined: neither. */
  setObstacle(obstacle: (() => string) | undefined): void {
    this.#obstacle = obstacle;
    if (obstacle !== undefined && this.#state !== 'halted') this.#state = 'bootstrapping';
  }

  /** An authentic message of the sequencer; `blockNumber` 0 when it names none. */
  noteSigned(epoch: number, number: number, blockNumber: number): void {
    if (epoch < this.#signed.epoch) return;
    this.#lifeSignUs = this.#clock.nowUs();
    if (epoch > this.#signed.epoch) {
      this.#signed = { epoch, number, blockNumber };
      return;
    }
    this.#signed.number = Math.max(this.#signed.number, number);
    this.#signed.blockNumber = Math.max(this.#signed.blockNumber, blockNumber);
  }

  noteHeartbeat(timestampUs: number): void {
    this.#heartbeatUs = Math.max(this.#heartbeatUs, timestampUs);
  }

  heartbeatUs(): number {
    return this.#heartbeatUs;
  }

  signed(): { readonly epoch: number; readonly number: number; readonly blockNumber: number } {
    return this.#signed;
  }

  /** Signed mini-blocks that are not applied. */
  lag(headNumber: number): number {
    return Math.max(0, this.#signed.number - headNumber);
  }

  isBehind(headNumber: number, epoch: number): boolean {
    return this.#signed.epoch > epoch || this.lag(headNumber) > 0;
  }

  /** The chain moved, or the sequencer signed something new. */
  update(headNumber: number, epoch: number): void {
    if (this.#state === 'halted' || this.#obstacle !== undefined) return;
    const isBehind = this.isBehind(headNumber, epoch);
    if (this.#state === 'live' && (this.#signed.epoch > epoch || this.lag(headNumber) > MAX_LIVE_LAG)) this.#state = 'catchingUp';
    else if (this.#state !== 'live' && !isBehind && this.#signed.number > 0) this.#state = 'live';
  }

  /** A peer had something new for us. */
  noteFetched(): void {
    if (this.#state === 'bootstrapping') this.#state = 'catchingUp';
  }

  /** Peers have nothing that is not here. */
  reachedPeers(headNumber: number, epoch: number): void {
    if (this.#state !== 'halted' && !this.isBehind(headNumber, epoch)) this.#state = 'live';
  }

  /** True when the sequencer has been silent for too long; it ends by itself. */
  isStalled(): boolean {
    // Behind a clock that was set back what the sequencer signs is ignored, and a last sign of the future says nothing.
    return Math.abs(this.#clock.nowUs() - this.#lifeSignUs) > this.#stallAfterUs;
  }

  readiness(): Readiness {
    if (this.#halt !== undefined) return { isReady: false, reason: `HALTED ${this.#halt.rule}: ${this.#halt.message}` };
    if (this.#obstacle !== undefined) return { isReady: false, reason: this.#obstacle() };
    if (this.#state === 'bootstrapping') return { isReady: false, reason: 'BOOTSTRAPPING: no peer has answered yet' };
    if (this.#state === 'catchingUp') return { isReady: false, reason: 'CATCHING_UP: mini-blocks are being fetched' };
    if (this.isStalled()) return { isReady: false, reason: 'STALLED: the sequencer is silent' };
    return { isReady: true, reason: undefined };
  }
}
