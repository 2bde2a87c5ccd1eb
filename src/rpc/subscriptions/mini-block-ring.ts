import type { AppliedMiniBlock } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { toKey } from '../../util/bytes.ts';
import { cursorOf, formatCursor } from './resume-cursor.ts';

/** Half a minute at 10 ms: the usual reconnect. Older ones are read from the chain. */
const MAX_MINI_BLOCKS = 4_096;
/** Transactions of all mini-blocks here: the chain keeps as many of sealed blocks in memory, the same objects. */
const MAX_TRANSACTIONS = 20_000;
/** Digests of undone mini-blocks that are remembered: a rollback of some minutes. */
const MAX_UNDONE = 16_384;

/** The newest mini-blocks without gaps, and where those that were undone left the chain. */
export class MiniBlockRing {
  readonly #genesisHash: Hash;
  readonly #miniBlocks = new Map<number, AppliedMiniBlock>();
  /** Newest mini-block that is left of the chain that an undone one belonged to, by its digest. */
  readonly #forkPoints = new Map<string, number>();
  #transactions = 0;
  #newest = 0;
  #rollbacks = 0;

  constructor(genesisHash: Hash) {
    this.#genesisHash = genesisHash;
  }

  /** Begins behind the newest mini-block of the chain. */
  begin(newest: number): void {
    this.#newest = newest;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Counts rollbacks: what was read before another one may be undone. */
  get rollbacks(): number {
    return this.#rollbacks;
  }

  get(number: number): AppliedMiniBlock | undefined {
    return this.#miniBlocks.get(number);
  }

  /** The newest mini-block of both chains, for one that was undone here. */
  forkPoint(digest: Hash): number | undefined {
    return this.#forkPoints.get(toKey(digest));
  }

  /** The cursor behind a mini-block; undefined when that is not here. */
  cursorAt(number: number): string | undefined {
    if (number === 0) return formatCursor({ epoch: 0, number: 0, digest: this.#genesisHash });
    const applied = this.#miniBlocks.get(number);
    return applied && cursorOf(applied);
  }

  add(applied: AppliedMiniBlock): void {
    this.#newest = applied.miniBlock.envelope.number;
    this.#miniBlocks.set(this.#newest, applied);
    this.#forkPoints.delete(toKey(applied.miniBlock.digest));
    this.#transactions += applied.transactions.length;
    for (const [number, oldest] of this.#miniBlocks) {
      if (this.#miniBlocks.size <= MAX_MINI_BLOCKS && this.#transactions <= MAX_TRANSACTIONS) break;
      this.#remove(number, oldest);
    }
  }

  /** Mini-blocks above `number` are undone. */
  rollback(number: number): void {
    this.#rollbacks++;
    for (const [digest, forkPoint] of this.#forkPoints) if (forkPoint > number) this.#forkPoints.set(digest, number);
    for (const [above, undone] of this.#miniBlocks) {
      if (above <= number) continue;
      this.#remove(above, undone);
      this.#forkPoints.set(toKey(undone.miniBlock.digest), number);
    }
    for (const digest of this.#forkPoints.keys()) {
      if (this.#forkPoints.size <= MAX_UNDONE) break;
      this.#forkPoints.delete(digest);
    }
    this.#newest = Math.min(this.#newest, number);
  }

  #remove(number: number, { transactions }: AppliedMiniBlock): void {
    this.#miniBlocks.delete(number);
    this.#transactions -= transactions.length;
  }
}
