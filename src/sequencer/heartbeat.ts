import { HEARTBEAT_INTERVAL_MS } from '../protocol/limits.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import { heartbeatDigest, withSignature } from '../protocol/sequencer-messages.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';

type HeartbeatModules = Pick<SequencerModules, 'signer' | 'chainState' | 'gossip' | 'clock'>;

/** Signs of life while there is nothing to say: silence then means failure (PROTOCOL section 2). */
export class HeartbeatSender {
  readonly #options: Pick<SequencerOptions, 'identity'>;
  readonly #modules: HeartbeatModules;
  #lastSentMs = 0;
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
    const nowMs = clock.nowMs();
    const moved = number !== this.#lastNumber;
    this.#lastNumber = number;
    // A new mini-block was sign of life enough, unless the last heartbeat is long ago.
    if (moved && nowMs - this.#lastSentMs < HEARTBEAT_INTERVAL_MS * 5) return;
    this.#lastSentMs = nowMs;
    const { genesisHash } = this.#options.identity;
    const unsigned = { genesisHash, epoch, number, digest, timestampUs: Math.floor(nowMs * 1000) };
    const heartbeat = withSignature(unsigned, heartbeatDigest(unsigned), signer);
    gossip.publish('mini-blocks', encodeSequencerMessage({ kind: 'heartbeat', heartbeat }));
  }
}
