import { HEARTBEAT_INTERVAL_MS, MAX_CLOCK_AHEAD_US } from '../protocol/limits.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import { heartbeatDigest, withSignature } from '../protocol/sequencer-messages.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';

type HeartbeatModules = Pick<SequencerModules, 'signer' | 'chainState' | 'gossip' | 'clock'>;

/** Signs of life while there is nothing to say: silence then means failure (PROTOCOL section 2). */
export class HeartbeatSender {
  readonly #options: Pick<SequencerOptions, 'identity'>;
  readonly #modules: HeartbeatModules;
  /** By the clock that only goes forward. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #lastTimestampUs = 0;
  #lastNumber = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Pick<SequencerOptions, 'identity'>, modules: HeartbeatModules) {
    this.#options = options;
    this.#modules = modules;
  }

  start(epoch: number): void {
    this.#timer = setInterval(() => this.#beat(epoch), HEARTBEAT_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(epoch: number): void {
    const { chainState, clock, gossip, signer } = this.#modules;
    const { number, digest } = chainState.head();
    const nowMs = clock.elapsedMs();
    const moved = number !== this.#lastNumber;
    this.#lastNumber = number;
    // A new mini-block was sign of life enough, unless the last heartbeat is long ago.
    if (moved && nowMs - this.#lastSentMs < HEARTBEAT_INTERVAL_MS * 5) return;
    this.#lastSentMs = nowMs;
    const { genesisHash } = this.#options.identity;
    const unsigned = { genesisHash, epoch, number, digest, timestampUs: this.#nextTimestampUs() };
    const heartbeat = withSignature(unsigned, heartbeatDigest(unsigned), signer);
    gossip.publish('mini-blocks', encodeSequencerMessage({ kind: 'heartbeat', heartbeat }));
  }

  /** One that is not later than the one before counts as a repetition; one that is too far ahead is ignored as well. */
  #nextTimestampUs(): number {
    const nowUs = Math.floor(this.#modules.clock.nowMs() * 1000);
    const isNear = this.#lastTimestampUs < nowUs + MAX_CLOCK_AHEAD_US;
    this.#lastTimestampUs = isNear ? Math.max(nowUs, this.#lastTimestampUs + 1) : nowUs;
    return this.#lastTimestampUs;
  }
}
