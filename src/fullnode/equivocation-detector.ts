import type { SequencerMessage } from '../protocol/log-record.ts';
import type { Hash } from '../protocol/primitives.ts';
import { signedPart } from '../protocol/validate-sequencer-message.ts';
import type { Bytes } from '../util/bytes.ts';
import { type Equivocation, PositionMemory } from './position-memory.ts';

/**
 * Finds two good signatures of the sequencer over two digests of one `(epoch, number)`, or two seals of one
 * `(epoch, blockNumber)` (PROTOCOL section 6). A heartbeat signs the digest of a mini-block too.
 */
export class EquivocationDetector {
  readonly #miniBlocks = new PositionMemory();
  readonly #heartbeats = new PositionMemory();
  readonly #seals = new PositionMemory();

  knownMiniBlock(epoch: number, number: number): Hash | undefined {
    return this.#miniBlocks.digestAt(epoch, number);
  }

  knownSeal(epoch: number, blockNumber: number): Hash | undefined {
    return this.#seals.digestAt(epoch, blockNumber);
  }

  /** Takes in a message whose signature was checked. */
  observe(message: SequencerMessage, raw: Bytes): Equivocation | undefined {
    switch (message.kind) {
      case 'miniBlock': {
        const { envelope, digest } = message.miniBlock;
        const { epoch, number } = envelope;
        const found =
          this.#miniBlocks.contradiction(epoch, number, digest, raw) ??
          this.#heartbeats.contradiction(epoch, number, digest, raw);
        this.#miniBlocks.remember(epoch, number, digest, raw);
        return found;
      }
      case 'heartbeat': {
        const { epoch, number, digest } = message.heartbeat;
        const found =
          this.#miniBlocks.contradiction(epoch, number, digest, raw) ??
          this.#heartbeats.contradiction(epoch, number, digest, raw);
        this.#heartbeats.remember(epoch, number, digest, raw);
        return found;
      }
      case 'blockSeal': {
        const { epoch, header } = message.blockSeal;
        const { digest } = signedPart(message);
        const found = this.#seals.contradiction(epoch, header.number, digest, raw);
        this.#seals.remember(epoch, header.number, digest, raw);
        return found;
      }
      case 'epochStart':
        return undefined;
    }
  }
}
